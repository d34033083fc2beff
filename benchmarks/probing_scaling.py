"""Do larger demo subjects tell features with fewer neurons, and do single neurons split?

``demo-tiny``, ``demo-small`` and ``demo`` (512, 1,536 and 3,072 MLP neurons, one tokenizer) on the
builtin corpus. Neurons are chosen by mean difference, the site by F1 on training rows; figures are
from test rows, means and paired changes over features, with 95 % bootstrap intervals. Random
neurons go the same way. Runs are kept in the home (``NEUROSCRIBE_HOME``) and taken from there.

Keys of ``--json``: ``subjects``; ``collections``, a list of ``{"collection", "features", "means",
"changes", "needed", "splitting"}``: the features in the means; by subject and k ``f1`` and
``random`` as ``[value, low, high]`` and ``k`` needed; changes ``{"smaller", "larger", "k", "f1",
"random", "rose", "fell"}``; changes of the ``k`` needed; and of each unit asked for ``{"feature",
"unit", "larger", "site", "r2_one", "r2_most", "random", "gain", "reading"}``; ``seconds``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from discovery.probing.plan import ProbeSettings
from discovery.probing.results import Measured
from discovery.probing.sampling import Sampling
from neuroscribe.probing.request import ProbeRequest
from neuroscribe.probing.scaling import Scaled, SplitUnit, find_scaling
from neuroscribe.workspace import Workspace

SUBJECTS: tuple[str, ...] = ("demo-tiny", "demo-small", "demo")
COLLECTIONS: tuple[str, ...] = ("token-text", "python-code", "natural-language")
SETTINGS: dict[str, Any] = {
    "methods": ("random", "mean-difference"),
    "ks": (1, 2, 4, 8),
    "nulls": 19,
}


def run(
    subjects: Sequence[str], collections: Sequence[str], splits: int, jobs: int
) -> dict[str, Any]:
    """Every collection on all subjects; see the module for the keys."""
    began = time.monotonic()
    workspace = Workspace()
    found = []
    for collection in collections:
        request = ProbeRequest(
            subject=subjects[0],
            collection=collection,
            sampling=Sampling(per_document=16),
            settings=ProbeSettings(**SETTINGS, jobs=jobs),
        )
        answer = find_scaling(workspace, request, subjects, splits=splits)
        found.append(_told(answer.scaled))
    seconds = round(time.monotonic() - began, 1)
    return {"subjects": list(subjects), "collections": found, "seconds": seconds}


def _told(scaled: Scaled) -> dict[str, Any]:
    found = scaled.scaling
    return {
        "collection": found.collection,
        "features": found.means[0].n,
        "means": [
            {
                "subject": mean.subject,
                "f1": {k: _ends(mean.f1[k]) for k in found.ks},
                "random": {k: _ends(mean.random[k]) for k in found.ks},
                "k": _ends(mean.sparsity),
            }
            for mean in found.means
        ],
        "changes": [
            {
                "smaller": change.smaller,
                "larger": change.larger,
                "k": change.k,
                "f1": _ends(change.f1),
                "random": _ends(change.random),
                "rose": change.rose,
                "fell": change.fell,
            }
            for change in found.changes
        ],
        "needed": [
            {"smaller": one.smaller, "larger": one.larger, "k": _ends(one.k)}
            for one in found.sparsity_changes
        ],
        "splitting": [_split(one) for one in scaled.splitting],
    }


def _split(one: SplitUnit) -> dict[str, Any]:
    split = one.splitting
    told: dict[str, Any] = {
        "feature": one.feature,
        "unit": split.unit,
        "larger": split.larger,
        "site": split.site,
        "reading": split.reading or split.reason,
    }
    if split.steps and split.gain is not None:
        first, last = split.steps[0], split.steps[-1]
        told |= {"r2_one": _ends(first.r2), "r2_most": _ends(last.r2), "gain": _ends(split.gain)}
        told["random"] = [round(max(step.random, default=0.0), 3) for step in (first, last)]
    return told


def _ends(measured: Measured) -> list[float | None]:
    ends = (measured.value, measured.low, measured.high)
    return [None if end is None else round(end, 3) for end in ends]


def _text(ends: Sequence[float | None]) -> str:
    if ends[0] is None:
        return "–"
    if ends[1] is None or ends[2] is None:
        return f"{ends[0]:.3f}"
    return f"{ends[0]:.3f} [{ends[1]:.3f}, {ends[2]:.3f}]"


def show(figures: dict[str, Any]) -> None:
    """Markdown tables."""
    print("| collection | n | k | what | " + " | ".join(figures["subjects"]) + " |")
    print("|---|---|---|---|" + "---|" * len(figures["subjects"]))
    for one in figures["collections"]:
        lead = f"| {one['collection']} | {one['features']} |"
        for k in one["means"][0]["f1"]:
            for what in ("f1", "random"):
                cells = " | ".join(_text(mean[what][k]) for mean in one["means"])
                print(f"{lead} {k} | {what} | {cells} |")
        cells = " | ".join(_text(mean["k"]) for mean in one["means"])
        print(f"{lead} | neurons needed | {cells} |")
    print("\n| collection | change | k | F1 | random | rose, fell |\n|---|---|---|---|---|---|")
    for one in figures["collections"]:
        for c in one["changes"]:
            lead = f"| {one['collection']} | {c['smaller']} → {c['larger']} | {c['k']} |"
            print(f"{lead} {_text(c['f1'])} | {_text(c['random'])} | {c['rose']}, {c['fell']} |")
    print("\n| feature | unit | in | R² of one | of the most | random | reading |")
    print("|---|---|---|---|---|---|---|")
    for one in figures["collections"]:
        for s in one["splitting"]:
            figure = " | – | – | –"
            if "r2_one" in s:
                random = ", ".join(f"{value:.3f}" for value in s["random"])
                figure = f" | {_text(s['r2_one'])} | {_text(s['r2_most'])} | {random}"
            where = f"{s['larger']} {s['site'] or ''}".rstrip()
            print(f"| {s['feature']} | {s['unit']} | {where}{figure} | {s['reading']} |")
    print(f"\n{figures['seconds']} s")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--quick", action="store_true", help="two subjects, token-text, one unit split"
    )
    parser.add_argument("--splits", type=int, default=3, help="units of each subject")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    subjects, collections, splits = SUBJECTS, COLLECTIONS, options.splits
    if options.quick:
        subjects, collections, splits = SUBJECTS[:2], COLLECTIONS[:1], 1
    figures = run(subjects, collections, splits, options.jobs)
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    main()
