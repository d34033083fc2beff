"""A figure with what it is without each excerpt, and the estimate that follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.results import Status
from scoring.intervals import CONFIDENCE, Design, Scale, caution, jackknife, share_interval

Array = NDArray[np.float64]

MANY_EXCERPTS = 30
LEAST_EXCERPTS = 3
"""Two coincidences prove nothing, though leaving out either leaves a perfect correlation."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and what it is without each excerpt [n]; ``value`` None says why in ``reason``.

    ``fewest`` counts the items of the rarer class where the figure is a share of items, else the
    excerpts in which anything happens (or is predicted, if these are fewer). ``design``
    and ``excerpts`` are given where the items left out in turn are not the sample's excerpts.
    """

    value: float | None
    left_out: Array
    reason: str | None = None
    fewest: int | None = None
    design: Design | None = None
    excerpts: int | None = None

    @classmethod
    def undefined(cls, reason: str) -> Measured:
        """No figure."""
        return cls(None, np.empty(0), reason)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; ``value`` None says why in ``reason``.

    ``df`` are the interval's degrees of freedom: how many excerpts speak for it, less one;
    ``caution`` says why the interval is approximate, where it is.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    df: float | None = None
    caution: str | None = None

    @property
    def status(self) -> Status:
        """Whether there is a figure."""
        return "undefined" if self.value is None else "ok"

    def beside(self, null: Array) -> dict[str, Any]:
        """The fields of a score that tell it and the figures of its ``null``, if any."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "df": self.df,
            "caution": self.caution if self.low is not None else None,
            "null_mean": float(null.mean()) if len(null) else None,
            "null_p95": float(np.quantile(null, 0.95)) if len(null) else None,
            "null_units": len(null),
        }


def estimate(
    measured: Measured, scale: Scale, design: Design, doubt: str | None = None
) -> Estimate:
    """The figure with its interval; ``doubt`` is the sample's own reason to call it approximate.

    Where leaving out one excerpt leaves the figure undefined, or it hangs on one or two of them,
    there is no interval, and the reason says so: a coincidence must not get the interval [1, 1].
    """
    value = measured.value
    if value is None:
        return Estimate(None, reason=measured.reason)
    fewest = measured.fewest
    if scale == "share" and fewest is not None and value in (0.0, 1.0):
        return _faultless(value, fewest, doubt)
    if scale != "share" and fewest is not None and fewest < LEAST_EXCERPTS:
        return Estimate(value, reason="no interval: the figure rests on too few excerpts")
    found = jackknife(value, measured.left_out, scale, measured.design or design)
    if found is None:
        return Estimate(value, reason="no interval: the figure rests on too few excerpts")
    if found.low == found.high and fewest is not None:
        return _unmoved(value, fewest, scale, doubt)
    return Estimate(value, found.low, found.high, df=found.df, caution=doubt or caution(found.df))


def _unmoved(value: float, items: int, scale: Scale, doubt: str | None) -> Estimate:
    """No excerpt makes a difference: that says as much as the items that could have made one."""
    df = float(max(items - 1, 0))
    if scale == "share":
        reach = float(stdtrit(max(df, 1.0), 0.5 + CONFIDENCE / 2))
        found = share_interval(value, value * (1 - value) / max(items, 1), reach, df)
        return Estimate(value, found.low, found.high, df=df, caution=doubt or caution(df))
    said = caution(df) or (f"all {items} excerpts say the same" if items < MANY_EXCERPTS else None)
    return Estimate(value, value, value, df=df, caution=doubt or said)


def _faultless(value: float, items: int, doubt: str | None) -> Estimate:
    """All right or all wrong: how likely that would be at another rate (Clopper, Pearson 1934)."""
    reach = ((1 - CONFIDENCE) / 2) ** (1 / max(items, 1))
    low, high = (reach, 1.0) if value == 1.0 else (0.0, 1.0 - reach)
    df = float(max(items - 1, 0))
    return Estimate(value, low, high, df=df, caution=doubt or caution(df))
