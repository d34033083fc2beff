"""What a sweep is likely to cost, from what was recorded of units that were asked the same way.

Units of the site itself speak for it, else units of the subject's other sites; where there are
none, nothing is known, and nothing is said. The range holds what is chance in the units to come and
in the few that it is judged by (a 95 % prediction interval of a sum, by Student's t).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtrit

from core.errors import InvalidSetting
from core.results import Finite, Record
from neuroscribe.sweeps.request import SweepRequest

if TYPE_CHECKING:
    from storage import PastRun, Store

LOOKED_AT = 60
_QUICK = ("dead", "failed", "refused")


class Range(Record):
    """What is expected, and between what it should lie; no ends where one unit alone is known."""

    value: Finite
    low: Finite | None = None
    high: Finite | None = None


class Estimate(Record):
    """The cost of ``units`` that are not answered yet, judged by ``runs`` earlier ones.

    ``basis`` says whether these are of the same site or of others of the subject. A figure that is
    not known is None, and ``reason`` says why if none is. ``seconds`` goes from units that wait for
    language models side by side to units that wait for the processor one after the other.
    """

    units: int
    answered: int
    runs: int
    basis: Literal["site", "subject"] | None
    calls: Range | None
    tokens: Range | None
    usd: Range | None
    seconds: Range | None
    calls_a_unit: Finite | None
    usd_a_unit: Finite | None
    reason: str | None


def estimate(
    store: Store,
    request: SweepRequest,
    *,
    units: int,
    answered: int,
    concurrency: int,
    workers: int = 1,
) -> Estimate:
    """For ``units`` to ask about, ``concurrency`` at a time in each of ``workers`` processes."""
    site = [
        r for r in store.past_runs(request.subject, request.site, LOOKED_AT) if _like(r, request)
    ]
    rest = [] if site else store.past_runs(request.subject, None, LOOKED_AT)
    found = site or [r for r in rest if _like(r, request)]
    model = bool(request.models.asked)
    calls = [float(r.spent.calls) for r in found]
    usd = [r.spent.usd for r in found if r.spent.usd is not None]
    priced = len(usd) == len(found)
    seconds = [r.seconds for r in found if r.seconds is not None]
    tokens = [float(r.spent.input_tokens + r.spent.output_tokens) for r in found]
    nothing = Range(value=0.0, low=0.0, high=0.0)
    free = nothing if not model or not units else None
    return Estimate(
        units=units,
        answered=answered,
        runs=len(found),
        basis=None if not found else "site" if site else "subject",
        calls=free or _sum(calls, units),
        tokens=free or _sum(tokens, units),
        usd=free or (_sum(usd, units) if priced else None),
        seconds=_time(seconds, units, concurrency if model else 1, concurrency, workers),
        calls_a_unit=_mean(calls) if model else 0.0,
        usd_a_unit=(_mean(usd) if priced else None) if model else 0.0,
        reason=None if found else "no unit of this subject was asked like this before",
    )


def refuse_if_too_small(found: Estimate, budget_usd: float | None, max_calls: int | None) -> None:
    """:class:`InvalidSetting` where a budget would not do for one unit, as far as is known."""
    if not found.units:
        return
    for limit, each, said in (
        (budget_usd, found.usd_a_unit, "--budget-usd {:g}: one unit takes about ${:.4g}"),
        (max_calls, found.calls_a_unit, "--max-calls {:g}: one unit takes about {:.3g} calls"),
    ):
        if limit is not None and each is not None and limit < each:
            raise InvalidSetting(
                said.format(limit, each) + f", judged by {found.runs} earlier ones",
                "raise it; nothing was begun",
            )


def _like(run: PastRun, request: SweepRequest) -> bool:
    """Whether a run was asked for in the same way, as far as that decides what it costs."""
    return (
        run.verdict not in _QUICK
        and run.models == request.models.asked
        and run.mode == request.mode
        and run.arms == (request.arms and request.mode == "agent")
        and ("rater" in run.roles) == bool(request.models.scorers.rated)
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _sum(values: Sequence[float], units: int) -> Range | None:
    """The sum over ``units`` more of what ``values`` are drawn from."""
    if not values:
        return None
    k, middle = len(values), units * float(np.mean(values))
    if k < 2:
        return Range(value=middle)
    spread = float(np.std(values, ddof=1)) * (units + units**2 / k) ** 0.5
    reach = float(stdtrit(k - 1, 0.975)) * spread
    return Range(value=middle, low=max(0.0, middle - reach), high=middle + reach)


def _time(
    values: Sequence[float], units: int, overlap: int, most: int, workers: int
) -> Range | None:
    """Seconds: at best everything overlaps, at worst nothing does within a process."""
    if not units:
        return Range(value=0.0, low=0.0, high=0.0)
    whole = _sum(values, units)
    if whole is None:
        return None
    side_by_side = min(units, most * workers)
    low = whole.value if whole.low is None else whole.low
    high = whole.value if whole.high is None else whole.high
    return Range(
        value=whole.value / min(units, overlap * workers),
        low=low / side_by_side,
        high=high / min(units, workers),
    )
