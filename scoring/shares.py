"""The share of units of which something is true, with Wilson's interval (Wilson 1927)."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import ndtri

from scoring.intervals import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``of``, with both ends of a 95 % interval of the share."""

    count: int
    of: int
    value: float
    low: float
    high: float


def wilson(count: int, of: int) -> Share | None:
    """The share of ``count`` among ``of`` with its score interval; None of nothing."""
    if of == 0:
        return None
    reach = float(ndtri(0.5 + CONFIDENCE / 2))
    share = count / of
    centre = share + reach**2 / (2 * of)
    half = reach * (share * (1 - share) / of + reach**2 / (4 * of**2)) ** 0.5
    width = 1 + reach**2 / of
    low, high = (centre - half) / width, (centre + half) / width
    return Share(count, of, share, max(0.0, min(low, share)), min(1.0, max(high, share)))
