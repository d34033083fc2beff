"""How often 95 % intervals hold the truth, on made-up units of which the truth is known.

Units: ``dense`` (always on, autocorrelated), ``sparse`` (in 15 % of windows), ``rare`` (in 2 %),
``veryrare`` (one token in 10,000) and ``heavy`` (lognormal with sigma 1.2: one window may outweigh
a hundred). A window holds 64 tokens. ``top_and_random`` has 20 excerpts of a split of 20,000
windows, ``corpus`` is drawn as an index draws it (10 top, 32 active, n random), and the truth is
the value on other text of the same kind.

Keys of ``--json``: ``repeats`` and ``rows``, each with ``unit``, ``mode``, ``measure``, ``n``
(random excerpts), ``truth``, ``covered`` (share of the intervals that hold it, with its Wilson
``low`` and ``high``), ``width`` (median), ``given`` (share of samples with an interval),
``flagged`` (share of the intervals that say of themselves that they are approximate),
``percentile`` and ``percentile_width``: the same for a percentile bootstrap of the same samples.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.results import Mode
from scoring.intervals import Scale
from scoring.measured import Estimate, Measured, estimate
from scoring.ranking import Items, auroc
from scoring.samples import Sample, sample
from scoring.shares import wilson
from scoring.statistics import FIGURES, Figure, excerpt_sums, measured

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "scoring"))

Array = NDArray[np.float64]
TOKENS = 64
SPLIT = 20_000
SIZES = (20, 50, 200, 1000)
FIGURE: dict[str, Figure] = {
    "correlation": "correlation",
    "explained_variance": "explained_variance",
}
SCALES: dict[str, Scale] = {
    "correlation": "correlation",
    "explained_variance": "explained",
    "auroc": "share",
}


@dataclass(frozen=True)
class Text:
    """Predictions and activations of the same windows, [windows, tokens]."""

    predicted: Array
    actual: Array


def dense(rng: np.random.Generator, n: int) -> Text:
    """Always on; neighbouring tokens and tokens of one window resemble each other."""

    def walk(stay: float) -> Array:
        steps = rng.normal(size=(n, TOKENS))
        for t in range(1, TOKENS):
            steps[:, t] = stay * steps[:, t - 1] + (1 - stay**2) ** 0.5 * steps[:, t]
        return steps

    actual = np.maximum(walk(0.8) + rng.normal(size=(n, 1)), 0)
    return Text(np.maximum(0.7 * actual + walk(0.6), 0), actual)


def events(rate: float, sigma: float) -> Callable[[np.random.Generator, int], Text]:
    """On in a share ``rate`` of windows, one to three tokens each, 60 % of them predicted."""

    def draw(rng: np.random.Generator, n: int) -> Text:
        actual, predicted = np.zeros((n, TOKENS)), np.zeros((n, TOKENS))
        on = np.flatnonzero(rng.random(n) < rate)
        rows = np.repeat(on, rng.integers(1, 4, len(on)))
        places = rng.integers(0, TOKENS, len(rows))
        actual[rows, places] = np.exp(sigma * rng.normal(size=len(rows)))
        found = rng.random(len(rows)) < 0.6
        predicted[rows[found], places[found]] = 1.0
        wrong = np.flatnonzero(rng.random(n) < rate / 2)
        predicted[wrong, rng.integers(0, TOKENS, len(wrong))] = 1.0
        return Text(predicted, actual)

    return draw


UNITS: dict[str, Callable[[np.random.Generator, int], Text]] = {
    "dense": dense,
    "sparse": events(0.15, 0.5),
    "rare": events(0.02, 0.5),
    "veryrare": events(0.0032, 0.5),
    "heavy": events(0.15, 1.2),
}


def drawn(unit: str, mode: Mode, n: int, rng: np.random.Generator) -> tuple[Text, Sample]:
    """The sampled windows of one draw, and how they were drawn."""
    from simulated import evidence

    text = UNITS[unit](rng, SPLIT)
    rows, found = evidence(text.actual, rng, random=n)
    chosen = sample(found, mode)
    used = rows[chosen.rows]
    return Text(text.predicted[used], text.actual[used]), chosen


def taken(measure: str, text: Text, weights: Array) -> Measured:
    """One figure of one sample, and what it is without each window."""
    if measure != "auroc":
        return measured(FIGURE[measure], sums_of(text), weights)
    fires = text.actual.max(axis=1) > 0
    ratings = text.predicted.sum(axis=1)
    return auroc(Items(ratings, ratings, weights * fires, weights * ~fires))


def sums_of(text: Text) -> Array:
    """The sums of every window."""
    return excerpt_sums(text.predicted, text.actual, np.ones(text.actual.shape, dtype=np.bool_))


def truth(unit: str, mode: Mode) -> dict[str, float | None]:
    """The value that an interval is about, from a million windows."""
    rng = np.random.default_rng(1)
    total = np.zeros(6)
    for _ in range(50):
        if mode == "top_and_random":
            text, chosen = drawn(unit, mode, 1000, rng)
            total += (sums_of(text) * chosen.weights[:, None]).sum(0)
        else:
            total += sums_of(UNITS[unit](rng, SPLIT)).sum(0)
    found: dict[str, float | None] = {m: float(FIGURES[f](total)) for m, f in FIGURE.items()}
    large = UNITS[unit](rng, 20 * SPLIT)
    if mode != "top_and_random":
        found["auroc"] = taken("auroc", large, np.ones(len(large.actual))).value
    return found


def percentile(measure: str, text: Text, chosen: Sample, seed: int) -> tuple[float, float]:
    """What a plain bootstrap over excerpts gives, within strata; NaN where it is undefined."""
    if measure == "auroc":
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    counts = np.zeros((500, len(chosen)))
    for stratum in np.unique(chosen.design.strata):
        rows = np.flatnonzero(chosen.design.strata == stratum)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=500)
    values = FIGURES[FIGURE[measure]](counts @ (sums_of(text) * chosen.weights[:, None]))
    if np.isfinite(values).mean() < 0.94:
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def rows(units: list[str], repeats: int) -> Iterator[dict[str, Any]]:
    """One row a unit, mode, size and measure."""
    for unit in units:
        cells: list[tuple[Mode, int]] = [("top_and_random", 20)]
        cells += [("random_only", n) for n in SIZES] + [("corpus", n) for n in SIZES]
        for mode, n in cells:
            true = {measure: value for measure, value in truth(unit, mode).items() if value}
            held: dict[str, list[_Found]] = {measure: [] for measure in true}
            for repeat in range(repeats):
                rng = np.random.default_rng([repeat, n])
                text, chosen = drawn(unit, mode, 1000 if mode == "top_and_random" else n, rng)
                for measure, into in held.items():
                    value = taken(measure, text, chosen.weights)
                    found = estimate(value, SCALES[measure], chosen.design, chosen.caution)
                    into.append(_Found(found, percentile(measure, text, chosen, repeat)))
            for measure, found_all in held.items():
                yield {
                    "unit": unit,
                    "mode": mode,
                    "measure": measure,
                    "n": n,
                    "truth": round(true[measure], 4),
                    **summary(found_all, true[measure]),
                }


@dataclass(frozen=True)
class _Found:
    own: Estimate
    percentile: tuple[float, float]


def summary(found: list[_Found], true: float) -> dict[str, Any]:
    """Coverage and width of both kinds of interval."""
    own = [
        (f.own.low, f.own.high, f.own.caution)
        for f in found
        if f.own.low is not None and f.own.high is not None
    ]
    plain = [f.percentile for f in found if np.isfinite(f.percentile[0])]
    inside = [low <= true <= high for low, high, _ in own]
    other = [low <= true <= high for low, high in plain]
    held = wilson(sum(inside), len(inside))
    return {
        "covered": _mean(inside),
        "low": None if held is None else round(held.low, 3),
        "high": None if held is None else round(held.high, 3),
        "width": _median([b - a for a, b, _ in own]),
        "given": round(len(own) / len(found), 3),
        "flagged": _mean([note is not None for _, _, note in own]),
        "percentile": _mean(other),
        "percentile_width": _median([b - a for a, b in plain]),
    }


def _mean(values: list[bool]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--units", default=",".join(UNITS))
    options = parser.parse_args()
    found = []
    for row in rows(options.units.split(","), options.repeats):
        found.append(row)
        if not options.json:
            print("  ".join(str(value) for value in row.values()), flush=True)
    if options.json:
        print(json.dumps({"repeats": options.repeats, "rows": found}))


if __name__ == "__main__":
    main()
