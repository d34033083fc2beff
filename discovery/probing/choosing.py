"""From a method's name to supports on a trial's columns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from discovery.probing.plan import ProbeSettings
from discovery.probing.results import Certificate, Method

Array = NDArray[np.float64]
Support = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Selection:
    """Supports by size; for some methods seconds and certificates of each."""

    supports: Mapping[int, Support]
    seconds: Mapping[int, float] = field(default_factory=dict)
    certificates: Mapping[int, Certificate] = field(default_factory=dict)
    note: str | None = None


def select(
    method: Method,
    train: Array,
    labels: NDArray[np.int8],
    ks: tuple[int, ...],
    settings: ProbeSettings,
    seed: int,
) -> Selection:
    """The supports of ``method`` for every k."""
    started = time.perf_counter()
    if method == "random":
        order = np.random.default_rng([seed, 7]).permutation(train.shape[1])
    else:
        apart = np.abs(train[labels == 1].mean(0) - train[labels == -1].mean(0))
        order = np.argsort(-apart, kind="stable")
    seconds = time.perf_counter() - started
    return Selection({k: order[:k] for k in ks}, dict.fromkeys(ks, seconds))
