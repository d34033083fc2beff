"""Does the tool find what was planted? Recovery by family, and false alarms on noise.

Keys of ``--json``: ``families``, a list of ``{"family", "expressible", "units", "recovered",
"share_recovered", "mean_rho", "mean_oracle", "verdicts"}``; ``expressible_recovered``, the share of
all units of expressible families with ρ >= 0.9 × oracle on untouched random text;
``dead_explained``; ``noise_units``, ``noise_explained``; ``seconds``. ``random_only`` ρ counts;
where a rare unit is silent in the random windows, ``corpus`` stands in and ``silent`` counts how
often. ``unscored`` units have an explanation whose ρ is undefined: they are no part of the means.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from core.ids import UnitId
from core.settings import Settings
from neuroscribe.explaining import ExplainRequest, explain_unit
from neuroscribe.workspace import Workspace


def family_figures(workspace: Workspace, site: str, count: int | None) -> dict[str, Any]:
    """Explain units of one family and compare with their truth."""
    subject = workspace.subject("planted")
    width = subject.sites()[site].width
    step = 1 if count is None else max(1, width // count)
    verdicts: Counter[str] = Counter()
    rhos: list[float] = []
    oracles: list[float] = []
    recovered = silent = unscored = units = 0
    expressible = False
    for i in range(0, width, step):
        answer = explain_unit(workspace, ExplainRequest(UnitId("planted", site, i)))
        document = answer.document
        truth = document.profile.truth or {}
        expressible = bool(truth.get("expressible"))
        verdicts[document.verdict] += 1
        units += 1
        scores = {s.mode: s for s in document.scores if s.scorer == "simulation"}
        if document.explanations:
            first = document.explanations[0].id
            scores = {
                s.mode: s
                for s in document.scores
                if s.scorer == "simulation" and s.explanation_id == first
            }
        score = scores.get("random_only")
        if score is None or score.oracle is None:
            score = scores.get("corpus")
            silent += 1
        if score is None or score.oracle is None:
            continue
        if score.value is None:
            unscored += 1
            continue
        rhos.append(score.value)
        oracles.append(score.oracle)
        recovered += score.value >= 0.9 * score.oracle
    return {
        "family": site,
        "expressible": expressible,
        "units": units,
        "recovered": recovered,
        "share_recovered": round(recovered / units, 3),
        "silent": silent,
        "unscored": unscored,
        "mean_rho": round(float(np.mean(rhos)), 3) if rhos else None,
        "mean_oracle": round(float(np.mean(oracles)), 3) if oracles else None,
        "verdicts": dict(verdicts),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a few units of each family")
    parser.add_argument("--home", type=Path, help="keep the index here (default: temporary)")
    parser.add_argument("--families", help="comma-separated; default: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Settings(home=options.home or Path(scratch)))
        figures = run(workspace, 4 if options.quick else None, options.families, options.json)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"expressible units recovered: {figures['expressible_recovered']}")
    print(f"dead units explained: {figures['dead_explained']}")
    print(f"noise units explained: {figures['noise_explained']} of {figures['noise_units']}")


def run(
    workspace: Workspace, count: int | None, families: str | None, quiet: bool
) -> dict[str, Any]:
    """All families, or those named."""
    began = time.monotonic()
    names = families.split(",") if families else list(workspace.subject("planted").sites())
    rows = []
    for name in names:
        row = family_figures(workspace, name, count)
        rows.append(row)
        if not quiet:
            print(
                f"{row['family']:<11} {row['recovered']:>4}/{row['units']:<4} "
                f"ρ {row['mean_rho']}  oracle {row['mean_oracle']}  {row['verdicts']}",
                flush=True,
            )
    said = [r for r in rows if r["expressible"]]
    noise = [r for r in rows if r["family"].startswith("noise")]
    called = ("explained", "polysemantic")
    return {
        "families": rows,
        "expressible_recovered": round(
            sum(r["recovered"] for r in said) / max(1, sum(r["units"] for r in said)), 4
        ),
        "dead_explained": sum(
            r["verdicts"].get(v, 0) for r in rows if r["family"] == "dead" for v in called
        ),
        "noise_units": sum(r["units"] for r in noise),
        "noise_explained": sum(r["verdicts"].get(v, 0) for r in noise for v in called),
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    main()
