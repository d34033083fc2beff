"""What stands beside a probe's F1: shuffled labels, random neurons, rotated bases.

All of them go the way of the figure they stand beside: rank, fit and choose the site on training
rows, measure on test rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from discovery.probing.activations import Rows
from discovery.probing.fit import Probe, Scale, Trial, fit, train_f1
from discovery.probing.metrics import Resamples, log_loss, plain_f1
from discovery.probing.moments import strength_of
from discovery.probing.results import Basis, Measured, Null, ProbeScore
from discovery.probing.statistics import mean_measured, reached

Array = NDArray[np.float64]

RANDOM_DRAWS = 20
BASES = 5
_COLUMNS = 2048
RANKED, KEPT = 100, 50
"""So many directions are ranked by mean difference, and the best of so many make the figure."""
BASIS_KS = (1, 2, 4, 8, 16, 32, 64)


def best_of_sites(trials: Mapping[str, Trial]) -> float:
    """Test F1 of all columns together, at the site where they do best on training rows."""
    found = []
    for site, trial in trials.items():
        probe = fit(trial.train, trial.train_labels, np.arange(len(trial.neurons)))
        found.append((train_f1(trial, probe), site, probe))
    _, site, probe = max(found, key=lambda one: one[0])
    return _test_f1(trials[site], probe)


def ranked_first(
    rows: Rows,
    site: str,
    place: tuple[NDArray[np.int64], NDArray[np.int64]],
    labels: Sequence[NDArray[np.int8]],
    most: int,
) -> NDArray[np.int64]:
    """The ``most`` neurons of greatest scaled mean difference under each labelling [draws, most].

    ``place`` are the rows, which all labellings use, and the neurons to rank; where there are fewer
    neurons, there are fewer columns.
    """
    used, neurons = place
    if not labels or not len(neurons):
        return np.empty((len(labels), 0), dtype=np.int64)
    positive = (np.stack(labels) == 1).astype(np.float64)
    counts = positive.sum(1)[:, None]
    strength = np.empty((len(labels), len(neurons)))
    for begin in range(0, len(neurons), _COLUMNS):
        some = slice(begin, begin + _COLUMNS)
        values = rows.columns(site, used, neurons[some]).astype(np.float64)
        values -= values.mean(0)
        sums = positive @ values
        apart = sums / counts + sums / (len(used) - counts)  # values sum to 0
        strength[:, some] = strength_of(apart, values.std(0))
    return neurons[np.argsort(-strength, axis=1, kind="stable")[:, :most]]


def null(drawn: Sequence[float], best: ProbeScore) -> Null | None:
    """What a score stands beside; None where nothing could be drawn or it has no F1."""
    values, real = np.array([v for v in drawn if np.isfinite(v)]), best.f1.value
    if not len(values) or real is None:
        return None
    return Null(
        mean=float(values.mean()),
        p95=float(np.quantile(values, 0.95)),
        p=reached(real, values),
        draws=len(values),
        k=best.k,
    )


def random_neurons(
    draw: Callable[[NDArray[np.int64]], Trial], live: NDArray[np.int64], k: int, seed: int
) -> Measured:
    """Mean test F1 of ``k`` random neurons of a site, with an interval over draws.

    ``live`` are those that are not constant; ``draw`` gives the trial of some of them.
    """
    rng = np.random.default_rng([seed, 5])
    if len(live) < k:
        return Measured(value=None, reason=f"only {len(live)} neurons are not constant")
    values = []
    for _ in range(RANDOM_DRAWS):
        trial = draw(rng.choice(live, size=k, replace=False))
        probe = fit(trial.train, trial.train_labels, np.arange(k))
        values.append(_test_f1(trial, probe))
    return mean_measured(np.array(values), seed, of="draws")


def basis_alignment(
    rows: Rows,
    site: str,
    labels: NDArray[np.int8],
    test: NDArray[np.bool_],
    groups: NDArray[np.int64],
    seed: int,
) -> Basis:
    """Neurons against directions of random Gaussian bases of the same site (paper 001, A.10).

    In each basis the 100 directions of largest mean difference are probed alone, and the mean test
    F1 of the best 50 by training F1 is the figure; test log-loss is of the top k together.
    """
    used = np.flatnonzero(labels)
    values = _finite(rows.arrays[site][used])
    labels = labels[used]
    held = np.flatnonzero(test[used])
    drawn = Resamples(groups[used][held], seed)
    train = np.flatnonzero(~test[used])
    apart = _difference(values, train, labels)
    own = _of_basis(values, None, apart, (train, held), labels, drawn)
    rng = np.random.default_rng([seed, 6])
    others = []
    for _ in range(BASES):
        directions = rng.standard_normal((len(apart), len(apart))).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0)
        others.append(_of_basis(values, directions, apart, (train, held), labels, drawn))
    ks = own[1].keys()
    return Basis(
        neurons=mean_measured(own[0], seed, of="neurons"),
        rotated=tuple(float(figures.mean()) for figures, _ in others),
        log_loss_neurons=own[1],
        log_loss_rotated={k: float(np.mean([losses[k] for _, losses in others])) for k in ks},
    )


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The neurons that are finite in all rows: one that is not would be in every rotation."""
    kept: NDArray[np.float32] = values[:, np.isfinite(values).all(axis=0)]
    return kept


def _difference(
    values: NDArray[np.float32], train: NDArray[np.int64], labels: NDArray[np.int8]
) -> Array:
    positive, negative = train[labels[train] == 1], train[labels[train] == -1]
    means = [values[part].mean(axis=0, dtype=np.float64) for part in (positive, negative)]
    return np.asarray(means[0] - means[1])


def _of_basis(
    values: NDArray[np.float32],
    directions: NDArray[np.float32] | None,
    apart: Array,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
    labels: NDArray[np.int8],
    drawn: Resamples,
) -> tuple[Array, dict[int, float]]:
    """Test F1 of the kept directions, and test log-loss by k."""
    seen = values[parts[0]] if directions is None else values[parts[0]] @ directions
    deviation = seen.std(axis=0, dtype=np.float64)
    difference = apart if directions is None else apart @ directions
    top = np.argsort(-strength_of(difference, deviation), kind="stable")[:RANKED]
    train, held = seen[:, top], values[parts[1]]
    test = held[:, top] if directions is None else held @ directions[:, top]
    scale = Scale.of(train)
    trial = Trial(
        scale.apply(train), labels[parts[0]], scale.apply(test), labels[parts[1]],
        drawn, top,
    )  # fmt: skip
    found = []
    for column in range(len(top)):
        probe = fit(trial.train, trial.train_labels, [column])
        found.append((train_f1(trial, probe), _test_f1(trial, probe)))
    ranked = sorted(found, key=lambda one: -one[0])[:KEPT]
    losses = {}
    for k in (k for k in BASIS_KS if k <= len(top)):
        probe = fit(trial.train, trial.train_labels, np.arange(k))
        loss = log_loss(trial.test_labels == 1, probe.margin(trial.test))
        if loss is not None:
            losses[k] = loss
    return np.array([one[1] for one in ranked]), losses


def _test_f1(trial: Trial, probe: Probe) -> float:
    return plain_f1(trial.test_labels == 1, probe.margin(trial.test) > 0)
