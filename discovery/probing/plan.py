"""What a probing run is asked to do, and where its activations lie."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.hashing import fingerprint
from discovery.probing.osp.problem import Loss
from discovery.probing.results import Method

if TYPE_CHECKING:
    from discovery.probing.activations import Rows
    from discovery.probing.fit import Trial

METHODS: tuple[Method, ...] = get_args(Method)
PREFILTER = 1024
MOST_GAMMA = 1e6
"""Above it the ridge hardly weighs, so every solve of OSP takes all its time and proves nothing."""
VERSION = 3
"""Raised when the same settings on the same rows give another result."""
FAST: tuple[Method, ...] = ("random", "mean-difference", "f")


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How features are probed.

    Attributes:
        methods: Who chooses supports; the first that is not ``random`` is the headline.
        ks: Sizes of supports.
        seeds: Divisions into train and test; one probe each.
        rounds: How often the units found are taken away and looked for anew.
        nulls: Draws of shuffled labels.
        basis: Whether neurons are compared with rotated bases.
        osp_loss: ``logistic`` or ``hinge``.
        gamma: Ridge of OSP (None: 1 / sqrt(rows)).
        time_limit: Seconds for one solve of OSP.
        jobs: Processes.
    """

    methods: tuple[Method, ...] = FAST
    ks: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    seeds: tuple[int, ...] = (0,)
    rounds: int = 0
    nulls: int = 99
    basis: bool = False
    osp_loss: Loss = "logistic"
    gamma: float | None = None
    time_limit: float = 60.0
    jobs: int = 1

    def __post_init__(self) -> None:
        for method in self.methods:
            if method not in METHODS:
                raise InvalidSetting(
                    f"{method!r} is no method of choosing neurons", f"known: {', '.join(METHODS)}"
                )
        if all(method == "random" for method in self.methods):
            raise InvalidSetting("random neurons alone find nothing", "name another method")
        if not self.ks or min(self.ks) < 1:
            raise InvalidSetting(
                f"k = {list(self.ks)} are no sizes of supports", "give 1 or more, as 1-8"
            )
        if self.osp_loss not in ("logistic", "hinge"):
            raise InvalidSetting(f"{self.osp_loss!r} is no loss", "known: logistic, hinge")
        if not self.seeds:
            raise InvalidSetting("no seed is given", "give at least one")
        if self.gamma is not None and not 0 < self.gamma <= MOST_GAMMA:
            raise InvalidSetting(
                f"gamma {self.gamma!r} is not above 0 and at most {MOST_GAMMA:,.0f}",
                "1/sqrt(rows) is usual; the larger, the less can be proven",
            )
        if not 0 < self.time_limit < math.inf:
            raise InvalidSetting(
                f"time limit {self.time_limit!r} is not a number of seconds", "60 is usual"
            )

    @property
    def headline(self) -> Method:
        """The method whose result is told first and stored as a finding."""
        return next(method for method in self.methods if method != "random")

    def told(self) -> dict[str, float | int | str | bool | None]:
        """The settings as a report lists them; lists are words."""
        kept = {k: v for k, v in asdict(self).items() if k != "jobs"}
        return {k: ", ".join(map(str, v)) if isinstance(v, tuple) else v for k, v in kept.items()}

    @property
    def key(self) -> str:
        """Names what results depend on: all but the number of processes."""
        return fingerprint([VERSION, self.told()])


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One feature under one seed: ``labels`` int8 [rows], ``test`` [rows], ``groups`` [rows]."""

    feature: int
    seed: int
    labels: NDArray[np.int8]
    test: NDArray[np.bool_]
    groups: NDArray[np.int64]

    @property
    def train_labels(self) -> NDArray[np.int8]:
        """Labels with test rows at 0: what ranking may see."""
        return np.where(self.test, np.int8(0), self.labels)

    def trial(self, rows: Rows, site: str, neurons: NDArray[np.int64]) -> Trial:
        """Its scaled columns of some neurons of a site."""
        from discovery.probing.fit import Scale, Trial
        from discovery.probing.metrics import Resamples

        used = np.flatnonzero(self.labels)
        train, test = used[~self.test[used]], used[self.test[used]]
        seen = rows.columns(site, train, neurons)
        scale = Scale.of(seen)
        return Trial(
            scale.apply(seen),
            self.labels[train],
            scale.apply(rows.columns(site, test, neurons)),
            self.labels[test],
            Resamples(self.groups[test], self.seed),
            neurons,
        )
