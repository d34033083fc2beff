"""Interleaved timing: every repeat runs all contestants once, so noise falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(
    contestants: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, list[float]]:
    """Seconds of each contestant in each repeat, after one unmeasured round."""
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for repeat in range(repeats):
        names = list(contestants)
        for name in names if repeat % 2 == 0 else reversed(names):
            began = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(name: str, above: list[float], below: list[float]) -> dict[str, float]:
    """``ratio_<name>`` = median of above/below over repeats, with its least and greatest value."""
    each = np.array(above) / np.array(below)
    return {
        f"ratio_{name}": round(float(np.median(each)), 3),
        f"ratio_{name}_low": round(float(each.min()), 3),
        f"ratio_{name}_high": round(float(each.max()), 3),
    }
