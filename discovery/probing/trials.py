"""All methods and sizes on one feature at one site under one split: a piece of work of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import NeuroscribeError
from core.hashing import text_hash
from core.results import Record
from discovery.probing.activations import Rows
from discovery.probing.fit import Trial, fit, train_f1
from discovery.probing.metrics import figures
from discovery.probing.plan import ProbeSettings, Split
from discovery.probing.results import Measured, Method, ProbeScore
from discovery.probing.selectors import METHODS, osp
from discovery.probing.supports import Chosen


class SiteScores(Record):
    """What one piece of work found."""

    scores: tuple[ProbeScore, ...]


@dataclass(frozen=True, slots=True)
class SiteJob:
    """One feature at one site under one split, among ``neurons`` [n]; ``live`` [width] tells which
    ones of the site are not constant: among them chance draws."""

    rows: Rows
    split: Split
    site: str
    neurons: NDArray[np.int64]
    live: NDArray[np.bool_]
    settings: ProbeSettings

    @property
    def name(self) -> str:
        """The name of the file that keeps its result."""
        return f"site-{self.split.feature}-{self.split.seed}-{self.site}"

    def run(self) -> SiteScores:
        """Do it."""
        place = Place(self.split.feature, self.site, self.split.seed)
        trial = self.split.trial(self.rows, self.site, self.neurons)
        scores: list[ProbeScore] = []
        for method in self.settings.methods:
            tried = self._by_chance(place) if method == "random" else trial
            scores += method_scores(tried, place, self.settings, method, self.settings.ks)
        return SiteScores(scores=tuple(scores))

    def _by_chance(self, place: Place) -> Trial:
        """As many neurons of the whole site as the largest probe has, whatever they say."""
        order = np.random.default_rng(place.draw).permutation(np.flatnonzero(self.live))
        return self.split.trial(self.rows, self.site, order[: max(self.settings.ks)])


@dataclass(frozen=True, slots=True)
class Place:
    """Which feature, site and seed a trial is of."""

    feature: int
    site: str
    seed: int

    @property
    def draw(self) -> int:
        """A seed of its own, so that no two trials draw the same random neurons."""
        return text_hash("trial", str(self.feature), self.site, str(self.seed)) >> 33


def method_scores(
    trial: Trial, place: Place, settings: ProbeSettings, method: Method, ks: tuple[int, ...]
) -> list[ProbeScore]:
    """One method at some sizes."""
    fitting = tuple(k for k in ks if k <= len(trial.neurons))
    scores = [
        failed(method, place, k, f"k is {k}, and {len(trial.neurons)} neurons are not constant")
        for k in ks
        if k > len(trial.neurons)
    ]
    if not fitting:
        return scores
    try:
        found = _chosen(method, trial, fitting, settings, place.draw)
    except NeuroscribeError as error:
        return scores + [failed(method, place, k, str(error)) for k in fitting]
    return scores + [_score(trial, place, method, k, found[k]) for k in fitting]


def _chosen(
    method: Method, trial: Trial, ks: tuple[int, ...], settings: ProbeSettings, seed: int
) -> dict[int, Chosen]:
    X, y = trial.train, trial.train_labels
    if method == "osp":
        return osp(
            X,
            y,
            ks,
            seed=seed,
            time_limit=settings.time_limit,
            loss=settings.osp_loss,
            gamma=settings.gamma,
        )
    return METHODS[method](X, y, ks, seed=seed, time_limit=settings.time_limit)


def _score(trial: Trial, place: Place, method: Method, k: int, chosen: Chosen) -> ProbeScore:
    support = np.array(chosen.indices, dtype=np.int64)
    probe = fit(trial.train, trial.train_labels, support)
    found = figures(trial.scored(probe))
    notes = [note for note in (chosen.note, probe.note) if note]
    return ProbeScore(
        method=method,
        site=place.site,
        k=k,
        seed=place.seed,
        units=tuple(int(n) for n in trial.neurons[support]),
        coefficients=tuple(float(c) for c in probe.coefficients),
        f1=found.f1,
        precision=found.precision,
        recall=found.recall,
        mcc=found.mcc,
        average_precision=found.average_precision,
        roc_auc=found.roc_auc,
        log_loss=found.log_loss,
        train_f1=train_f1(trial, probe),
        seconds=chosen.seconds,
        certificate=chosen.certificate,
        note="; ".join(notes) or None,
    )


def failed(method: Method, place: Place, k: int, reason: str) -> ProbeScore:
    """A score that could not be made."""
    nothing = Measured(value=None, reason=reason)
    return ProbeScore(
        method=method,
        site=place.site,
        k=k,
        seed=place.seed,
        units=(),
        coefficients=(),
        f1=nothing,
        precision=nothing,
        recall=nothing,
        mcc=nothing,
        average_precision=nothing,
        roc_auc=nothing,
        log_loss=None,
        train_f1=0.0,
        seconds=0.0,
        failure=reason,
    )
