"""Do ways of choosing supports find the neurons that a label was made from?

Activations are GELUs of sums of sparse features, a few common factors and noise; a label is a
noisy linear threshold over k planted columns. As in a probing run, columns are scaled, and narrowed
to the 1,024 of greatest mean difference before any method sees them.

Keys of ``--json``: ``cells``, a list of ``{"rows", "width", "k", "method", "trials", "share",
"low", "high", "exact", "seconds"}``: the mean share of the planted support that was found with its
95 % bootstrap interval over seeds, how often all of it was, and mean seconds; ``prefilter``, the
same share for the 1,024 columns that are left (``share`` by ``"rows", "width", "k"``); ``osp``, a
list of ``{"method", "trials", "proven", "planted", "lower_than_planted", "gap"}``: how many
supports were proven optimal, how many of those are the planted one, how many have a *lower*
training loss than the planted one, and the mean gap of all; ``seeds``; ``seconds``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

from discovery.probing.osp.cutting import loss_of
from discovery.probing.selectors import METHODS, osp
from discovery.probing.supports import Selector

PREFILTER = 1_024
WEAK = 30.0
"""``osp-weak``: gamma so many times 1/sqrt(rows)."""
FULL = (
    *((rows, 1_600, 6) for rows in (500, 2_000, 8_000, 30_000)),
    *((2_000, width, 6) for width in (400, 6_400)),
    *((2_000, 1_600, k) for k in (2, 12, 19)),
)
QUICK = ((500, 400, 2), (500, 400, 6), (2_000, 400, 6))


@dataclass(frozen=True, slots=True)
class Planted:
    """Scaled activations [rows, width], labels ±1 [rows], and the columns the labels come from."""

    columns: NDArray[np.float32]
    labels: NDArray[np.int8]
    support: tuple[int, ...]


def plant(rows: int, width: int, k: int, seed: int, share: float = 0.3) -> Planted:
    """Correlated GELU activations, and a label that is true of ``share`` of the rows."""
    generator = np.random.default_rng([rows, width, k, seed])
    count = max(8, width // 8)
    features = np.abs(generator.normal(size=(rows, count))) * (
        generator.random((rows, count)) < 0.1
    )
    factors = generator.normal(size=(rows, 8))
    columns = np.empty((rows, width), dtype=np.float32)
    for start in range(0, width, 400):
        block = slice(start, min(start + 400, width))
        size = block.stop - block.start
        reads = generator.normal(size=(count, size)) * (generator.random((count, size)) < 3 / count)
        before = features @ reads + 0.15 * factors @ generator.normal(size=(8, size))
        before += 0.5 * generator.normal(size=(rows, size))
        after = before * ndtr(before)
        columns[:, block] = after / (10 * np.maximum(after.std(axis=0), 1e-3))
    support = np.sort(generator.choice(width, k, replace=False))
    weights = generator.uniform(0.5, 1.5, k) * generator.choice((-1, 1), k)
    margin = columns[:, support] @ weights
    margin = margin + generator.normal(scale=margin.std(), size=rows)
    labels = np.where(margin > np.quantile(margin, 1 - share), 1, -1).astype(np.int8)
    return Planted(columns, labels, tuple(support.tolist()))


def trial(cell: tuple[int, int, int], seed: int, time_limit: float) -> dict[str, Any]:
    """Every method on one planted support."""
    rows, width, k = cell
    with threadpool_limits(1):
        planted = plant(rows, width, k, seed)
        y = planted.labels
        differences = np.abs(planted.columns[y > 0].mean(0) - planted.columns[y < 0].mean(0))
        kept = np.argsort(-differences, kind="stable")[:PREFILTER]
        columns = planted.columns[:, kept]
        truth = set(planted.support)
        left = len(truth & set(kept.tolist())) / k
        weak = partial(osp, gamma=WEAK / np.sqrt(rows))
        methods: dict[str, Selector] = {**METHODS, "osp-weak": weak}
        found = {}
        for name, method in methods.items():
            chosen = method(columns, y, (k,), seed=seed, time_limit=time_limit)[k]
            support = tuple(sorted(kept[list(chosen.indices)].tolist()))
            proof = chosen.certificate
            found[name] = {
                "share": len(truth & set(support)) / k,
                "seconds": chosen.seconds,
                "proof": proof
                and _compared(planted, support, proof.gamma, proof.status, proof.gap),
            }
    return {"cell": cell, "prefilter": left, "found": found}


def _compared(
    planted: Planted, support: tuple[int, ...], gamma: float, status: str, gap: float | None
) -> dict[str, Any]:
    ours, theirs = (
        loss_of(planted.columns, planted.labels, columns, gamma=gamma)
        for columns in (support, planted.support)
    )
    proven = status == "optimal"
    return {
        "gap": gap,
        "proven": proven,
        "planted": proven and support == planted.support,
        "lower_than_planted": proven and ours < theirs * (1 - 1e-6),
    }


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap of the mean, over 2,000 draws."""
    data = np.array(values)
    draws = np.random.default_rng(seed).integers(len(data), size=(2_000, len(data)))
    low, high = np.percentile(data[draws].mean(axis=1), (2.5, 97.5))
    return round(float(low), 3), round(float(high), 3)


def run(
    cells: Sequence[tuple[int, int, int]], seeds: int, time_limit: float, jobs: int
) -> dict[str, Any]:
    """All cells and seeds, in ``jobs`` processes; see the module for the keys."""
    began = time.monotonic()
    tasks = [(cell, seed) for cell in cells for seed in range(seeds)]
    with ProcessPoolExecutor(jobs) as pool:
        trials = list(pool.map(partial(_task, time_limit=time_limit), tasks))
    rows: list[dict[str, Any]] = []
    prefilter = []
    for cell in cells:
        here = [each for each in trials if each["cell"] == cell]
        size = dict(zip(("rows", "width", "k"), cell, strict=True))
        prefilter.append({**size, "share": _mean([each["prefilter"] for each in here])})
        for method in here[0]["found"]:
            shares = [each["found"][method]["share"] for each in here]
            low, high = interval(shares)
            rows.append(
                {
                    **size,
                    "method": method,
                    "trials": len(here),
                    "share": _mean(shares),
                    "low": low,
                    "high": high,
                    "exact": sum(share == 1 for share in shares),
                    "seconds": _mean([each["found"][method]["seconds"] for each in here]),
                }
            )
    return {
        "cells": rows,
        "prefilter": prefilter,
        "osp": [_proofs(trials, method) for method in ("osp", "osp-weak")],
        "seeds": seeds,
        "seconds": round(time.monotonic() - began, 1),
    }


def _task(task: tuple[tuple[int, int, int], int], time_limit: float) -> dict[str, Any]:
    return trial(*task, time_limit)


def _proofs(trials: Sequence[dict[str, Any]], method: str) -> dict[str, Any]:
    proofs = [each["found"][method]["proof"] for each in trials]
    counted = ("proven", "planted", "lower_than_planted")
    return {
        "method": method,
        "trials": len(proofs),
        **{key: sum(proof[key] for proof in proofs) for key in counted},
        "gap": float(f"{np.mean([proof['gap'] for proof in proofs]):.2g}"),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


def show(figures: dict[str, Any]) -> None:
    """Print a table."""
    cells = {(row["rows"], row["width"], row["k"]): None for row in figures["cells"]}
    methods = {row["method"]: None for row in figures["cells"]}
    print("share of the planted support found [95 %] (exact)")
    print(
        f"{'rows':>6} {'width':>6} {'k':>3}  method               share   interval       exact  s"
    )
    for cell in cells:
        for method in methods:
            row = next(
                r
                for r in figures["cells"]
                if (r["rows"], r["width"], r["k"]) == cell and r["method"] == method
            )
            print(
                f"{cell[0]:>6} {cell[1]:>6} {cell[2]:>3}  {method:<20} {row['share']:.3f}  "
                f"[{row['low']:.3f}, {row['high']:.3f}]  {row['exact']}/{row['trials']}  "
                f"{row['seconds']:.2f}"
            )
    for proof in figures["osp"]:
        print(
            f"{proof['method']}: {proof['proven']} of {proof['trials']} proven optimal (mean gap "
            f"of all {proof['gap']:.2g}); of these {proof['planted']} are the planted support, and "
            f"{proof['lower_than_planted']} have a lower training loss than it"
        )


def plot(figures: dict[str, Any], path: Path) -> None:
    """Recovery against rows, width and k, one line a method, the other two at their middle."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = ("rows", "width", "k")
    middle = {key: _commonest([row[key] for row in figures["cells"]]) for key in panels}
    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), sharey=True)
    for key, axis in zip(panels, axes, strict=True):
        others = [other for other in panels if other != key]
        rows = [r for r in figures["cells"] if all(r[other] == middle[other] for other in others)]
        for method in dict.fromkeys(row["method"] for row in rows):
            line = sorted((r for r in rows if r["method"] == method), key=lambda r: r[key])
            at = [row[key] for row in line]
            axis.plot(at, [row["share"] for row in line], marker="o", label=method)
            axis.fill_between(at, [r["low"] for r in line], [r["high"] for r in line], alpha=0.12)
        axis.set_xscale("linear" if key == "k" else "log")
        at = sorted({row[key] for row in rows})
        axis.set_xticks(at, [f"{value:,}" for value in at])
        axis.minorticks_off()
        axis.set_xlabel(key)
        axis.set_title(", ".join(f"{other} = {middle[other]:,}" for other in others))
    axes[0].set_ylabel("share of the planted support found")
    axes[0].set_ylim(0, 1.02)
    axes[-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.02, 0.5))
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _commonest(values: Sequence[int]) -> int:
    return max(sorted(set(values)), key=values.count)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="three small cells, two seeds")
    parser.add_argument("--seeds", type=int, help="default: 5 (2 with --quick)")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--plot", type=Path, help="write a plot here (.svg or .png)")
    options = parser.parse_args()
    seeds = options.seeds or (2 if options.quick else 5)
    cells = QUICK if options.quick else FULL
    figures = run(cells, seeds, 2.0 if options.quick else 10.0, options.jobs)
    if options.plot:
        plot(figures, options.plot)
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    main()
