"""The end of a feature: its best probe, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from discovery.probing.activations import Rows
from discovery.probing.controls import Given, controls
from discovery.probing.fit import Trial, fit
from discovery.probing.labels import Feature
from discovery.probing.metrics import f1_of
from discovery.probing.nulls import (
    basis_alignment,
    best_of_sites,
    null,
    random_neurons,
    ranked_first,
)
from discovery.probing.plan import ProbeSettings, Split
from discovery.probing.results import (
    Controls,
    FeatureReport,
    Measured,
    Method,
    Null,
    ProbeScore,
    Round,
)
from discovery.probing.splits import shuffled
from discovery.probing.trials import Place, method_scores

CURVE_KS = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1)
WORTH = 0.02
"""A larger support must gain so much F1 on training rows to be told first."""
APART = 0.1
"""Precision and recall that differ by less are called balanced."""
HIGH = 0.95
"""Where both are above, there is nothing to weigh."""


@dataclass(frozen=True, slots=True)
class FeatureJob:
    """Scores of all splits and sites of one feature, and what the rest needs.

    ``given`` is what stands in the rows that the feature uses; ``neurons`` are the ranked neurons
    by site under the split; ``live`` [width] by site tells which ones are not constant.
    """

    rows: Rows
    collection: str
    feature: Feature
    given: Given
    split: Split
    scores: tuple[ProbeScore, ...]
    neurons: Mapping[str, NDArray[np.int64]]
    live: Mapping[str, NDArray[np.bool_]]
    settings: ProbeSettings

    @property
    def name(self) -> str:
        """The name of the file that keeps its result."""
        return f"feature-{self.split.feature}"

    def run(self) -> FeatureReport:
        """Do it."""
        split, settings = self.split, self.settings
        best = best_score(self.scores, settings.headline, split.seed)
        checks = controls(self.given, split.labels, split.groups, split.test, split.seed)
        if best is None:
            return self._report(None, checks, None, None)
        trial = split.trial(self.rows, best.site, self.neurons[best.site])
        report = self._report(
            best,
            _compared(checks, best),
            self._null(best),
            random_neurons(
                lambda some: split.trial(self.rows, best.site, some),
                np.flatnonzero(self.live[best.site]),
                best.k,
                split.seed,
            ),
        )
        extra: dict[str, object] = {"alone": self._alone(trial, best)}
        if settings.basis:
            extra["basis"] = basis_alignment(
                self.rows, best.site, split.labels, split.test, split.groups, split.seed
            )
        if "adaptive" in settings.methods:
            place = Place(split.feature, best.site, split.seed)
            ks = tuple(k for k in CURVE_KS if k <= len(trial.neurons))
            extra["curve"] = tuple(method_scores(trial, place, settings, "adaptive", ks))
        if settings.rounds:
            extra["rounds"] = tuple(self._rounds(best))
        return report.model_copy(update=extra)

    def _alone(self, trial: Trial, best: ProbeScore) -> tuple[Measured, ...]:
        """What each unit of the best probe does by itself."""
        columns = {int(neuron): column for column, neuron in enumerate(trial.neurons)}
        probes = [fit(trial.train, trial.train_labels, [columns[unit]]) for unit in best.units]
        return tuple(f1_of(trial.scored(probe)) for probe in probes)

    def _null(self, best: ProbeScore) -> Null | None:
        """As many neurons under labels without meaning, by mean difference at the best site."""
        split, draws = self.split, self.settings.nulls
        dealt = [
            shuffled(split.labels, split.groups, split.test, 10_000 * split.seed + draw)
            for draw in range(draws)
        ]
        train = np.flatnonzero((split.labels != 0) & ~split.test)
        first = {
            site: ranked_first(
                self.rows,
                site,
                (train, np.flatnonzero(live)),
                [one[train] for one in dealt],
                best.k,
            )
            for site, live in self.live.items()
        }
        drawn = []
        for draw, labels in enumerate(dealt):
            without = replace(split, labels=labels)
            trials = {
                site: without.trial(self.rows, site, neurons[draw])
                for site, neurons in first.items()
                if neurons.shape[1] == best.k
            }
            if trials:
                drawn.append(best_of_sites(trials))
        return null(drawn, best)

    def _rounds(self, best: ProbeScore) -> list[Round]:
        """The headline's choice again and again among what is left at the best site."""
        found, left = [], self.neurons[best.site]
        units = best.units
        for number in range(1, self.settings.rounds + 1):
            left = left[~np.isin(left, units)]
            trial = self.split.trial(self.rows, best.site, left)
            place = Place(self.split.feature, best.site, self.split.seed)
            score = method_scores(trial, place, self.settings, best.method, (best.k,))[0]
            found.append(Round(number=number, site=best.site, units=score.units, f1=score.f1))
            if score.failure is not None:
                break
            units = score.units
        return found

    def _report(
        self,
        best: ProbeScore | None,
        checks: Controls,
        beside: Null | None,
        random: Measured | None,
    ) -> FeatureReport:
        feature = self.feature
        failure = next((s.failure for s in self.scores if s.failure), "every method failed")
        return FeatureReport(
            collection=self.collection,
            feature=feature.name,
            description=feature.description,
            among=feature.among,
            positives=int((self.split.labels == 1).sum()),
            negatives=int((self.split.labels == -1).sum()),
            documents=self.given.documents,
            best=best,
            null=beside,
            random=random,
            controls=checks,
            scores=self.scores,
            reading=None if best is None else reading(best),
            status="ok" if best is not None else "failed",
            reason=None if best is not None else failure,
        )


def best_at(scores: Sequence[ProbeScore], method: Method, seed: int, k: int) -> ProbeScore | None:
    """A method's score at the site whose training F1 is highest."""
    own = [
        score
        for score in scores
        if (score.method, score.seed, score.k) == (method, seed, k) and score.failure is None
    ]
    return max(own, key=lambda score: score.train_f1, default=None)


def best_score(scores: Sequence[ProbeScore], method: Method, seed: int) -> ProbeScore | None:
    """The smallest size that is within 0.02 of the best F1 on training rows, at its best site."""
    sizes = sorted({score.k for score in scores})
    found = [score for k in sizes if (score := best_at(scores, method, seed, k)) is not None]
    if not found:
        return None
    most = max(score.train_f1 for score in found)
    return next(score for score in found if score.train_f1 >= most - WORTH)


def reading(best: ProbeScore) -> str | None:
    """What precision against recall suggests of the units (paper 001, section 5.4)."""
    precision, recall = best.precision.value, best.recall.value
    if precision is None or recall is None:
        return None
    if recall - precision >= APART:
        return (
            "recall above precision: the units answer to more than this feature (a broader one, or "
            "several)"
        )
    if precision - recall >= APART:
        return "precision above recall: the units answer to a part of this feature only"
    if min(precision, recall) > HIGH:
        return None
    return "precision and recall are balanced"


def _compared(checks: Controls, best: ProbeScore) -> Controls:
    """With a warning where the token alone does as well as the probe."""
    token, value = checks.token.value, best.f1.value
    if token is None or value is None or token < value - WORTH:
        return checks
    told = (
        f"the tokens alone give F1 {token:.2f}, the probe {value:.2f}: nothing here needs context"
    )
    return checks.model_copy(update={"warnings": (*checks.warnings, told)})


def left_out(
    collection: str, feature: Feature, reason: str, labels: NDArray[np.int8]
) -> FeatureReport:
    """The report of a feature that was not probed, with the reason."""
    return FeatureReport(
        collection=collection,
        feature=feature.name,
        description=feature.description,
        among=feature.among,
        positives=int((labels == 1).sum()),
        negatives=int((labels == -1).sum()),
        documents=0,
        best=None,
        null=None,
        random=None,
        controls=None,
        status="left_out",
        reason=reason,
    )
