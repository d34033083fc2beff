"""Probes of one collection on several subjects, side by side: does a larger one say it with fewer?

Every figure is test F1 at the site that was best on training rows, as in the comparison of methods.
Means and changes are over the features that every subject has, so that they are of the same things.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from core.results import Record
from discovery.probing.best import WORTH, best_at
from discovery.probing.comparison import chosen_f1, known
from discovery.probing.results import FeatureReport, Measured, Method, ProbingReport
from discovery.probing.statistics import mean_measured

SIZES = (1, 8)
"""Sizes of supports that are told, where the run has them."""


class FeatureScaling(Record):
    """One feature on all subjects, in their order. By k: F1 of the chosen neurons, and of random
    ones. ``sparsity`` is the smallest k within 0.02 of the best F1 on training rows."""

    feature: str
    f1: dict[int, tuple[Measured, ...]]
    random: dict[int, tuple[Measured, ...]]
    sparsity: tuple[int | None, ...]


class SubjectMean(Record):
    """Means over the ``n`` features that every subject has; intervals are over features."""

    subject: str
    n: int
    f1: dict[int, Measured]
    random: dict[int, Measured]
    sparsity: Measured


class Change(Record):
    """Larger subject less smaller one, feature by feature, at one k; intervals over features.

    ``rose`` and ``fell`` count the ``n`` features. ``random`` is the change of random neurons,
    which every feature draws for itself.
    """

    smaller: str
    larger: str
    k: int
    n: int
    f1: Measured
    random: Measured
    rose: int
    fell: int


class SparsityChange(Record):
    """How many neurons more (or fewer) the larger subject takes, mean over ``n`` features."""

    smaller: str
    larger: str
    n: int
    k: Measured


class Scaling(Record):
    """Subjects in the order given. ``method`` chose the neurons."""

    collection: str
    subjects: tuple[str, ...]
    method: Method
    ks: tuple[int, ...]
    features: tuple[FeatureScaling, ...]
    means: tuple[SubjectMean, ...]
    changes: tuple[Change, ...]
    sparsity_changes: tuple[SparsityChange, ...]
    worth: float = WORTH


def scaling(reports: Sequence[ProbingReport]) -> Scaling:
    """Runs of the same collection and settings, smallest subject first, side by side.

    Changes are of neighbours and, where there are more than two, of the last against the first.
    """
    first = reports[0]
    method = next(name for name in first.methods if name != "random")
    ks = _sizes(first.ks)
    features = tuple(
        _feature(name, reports, method, ks)
        for name in dict.fromkeys(f.feature for report in reports for f in report.features)
    )
    whole = [one for one in features if _whole(one)]
    pairs = list(pairwise(range(len(reports))))
    if len(reports) > 2:
        pairs.append((0, len(reports) - 1))
    seed = first.seeds[0]
    return Scaling(
        collection=first.collection,
        subjects=tuple(report.subject for report in reports),
        method=method,
        ks=ks,
        features=features,
        means=tuple(_mean(i, r.subject, whole, ks, seed) for i, r in enumerate(reports)),
        changes=tuple(_change(pair, reports, whole, k, seed) for pair in pairs for k in ks),
        sparsity_changes=tuple(_sparser(pair, reports, whole, seed) for pair in pairs),
    )


def _sizes(ks: Sequence[int]) -> tuple[int, ...]:
    """1 and 8 where both were probed, otherwise the smallest and the largest."""
    return SIZES if set(SIZES) <= set(ks) else tuple(sorted({min(ks), max(ks)}))


def _feature(
    name: str, reports: Sequence[ProbingReport], method: Method, ks: Sequence[int]
) -> FeatureScaling:
    own = [next((f for f in report.features if f.feature == name), None) for report in reports]
    best = [None if one is None else one.best for one in own]
    seeds = reports[0].seeds

    def cells(who: Method) -> dict[int, tuple[Measured, ...]]:
        return {k: tuple(_cell(one, seeds, who, k) for one in own) for k in ks}

    return FeatureScaling(
        feature=name,
        f1=cells(method),
        random=cells("random"),
        sparsity=tuple(None if one is None else one.k for one in best),
    )


def _cell(feature: FeatureReport | None, seeds: Sequence[int], method: Method, k: int) -> Measured:
    """With its interval over groups of documents where there is one seed."""
    if feature is None:
        return Measured(value=None, reason="the subject's run does not have the feature")
    if len(seeds) == 1:
        score = best_at(feature.scores, method, seeds[0], k)
        if score is not None:
            return score.f1
    value = chosen_f1(feature, seeds, method, k)
    if value is None:
        return Measured(value=None, reason=feature.reason or f"{method} was not probed at k {k}")
    return Measured(value=value, reason=f"the mean of {len(seeds)} divisions")


def _whole(feature: FeatureScaling) -> bool:
    """Whether every subject has a figure at every size."""
    return all(cell.value is not None for cells in feature.f1.values() for cell in cells)


def _mean(
    at: int, subject: str, features: Sequence[FeatureScaling], ks: Sequence[int], seed: int
) -> SubjectMean:
    return SubjectMean(
        subject=subject,
        n=len(features),
        f1={k: mean_measured(known(f.f1[k][at].value for f in features), seed) for k in ks},
        random={k: mean_measured(known(f.random[k][at].value for f in features), seed) for k in ks},
        sparsity=mean_measured(known(f.sparsity[at] for f in features), seed),
    )


def _change(
    pair: tuple[int, int],
    reports: Sequence[ProbingReport],
    features: Sequence[FeatureScaling],
    k: int,
    seed: int,
) -> Change:
    smaller, larger = (known(f.f1[k][at].value for f in features) for at in pair)
    before, after = (known(f.random[k][at].value for f in features) for at in pair)
    apart = larger - smaller
    return Change(
        smaller=reports[pair[0]].subject,
        larger=reports[pair[1]].subject,
        k=k,
        n=len(features),
        f1=mean_measured(apart, seed),
        random=mean_measured(after - before, seed),
        rose=int(np.sum(apart > 0)),
        fell=int(np.sum(apart < 0)),
    )


def _sparser(
    pair: tuple[int, int],
    reports: Sequence[ProbingReport],
    features: Sequence[FeatureScaling],
    seed: int,
) -> SparsityChange:
    smaller, larger = (known(f.sparsity[at] for f in features) for at in pair)
    return SparsityChange(
        smaller=reports[pair[0]].subject,
        larger=reports[pair[1]].subject,
        n=len(features),
        k=mean_measured(larger - smaller, seed),
    )
