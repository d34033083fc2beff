"""How well the pattern explainer does on real neurons: random live units of ``demo``.

Keys of ``--json``: ``units``, ``seconds_a_unit``, ``verdicts``, ``abstained_share`` and ``groups``:
a list of ``{"group", "units", "modes": {mode: {"rho", "token_list_equal", "token_list_50",
"token_table", "null_mean", "null_p95", "gain", "gain_low", "gain_high", "undefined"}}}`` for all
units, each layer, and the units whose full token table reaches less than .75 in ``corpus`` mode
(those that follow context). ``gain`` is the paired difference to the equal-length token list with a
95 % bootstrap interval over the units on which both are defined. Abstained units count with the
score that they have.
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

from core.documents import ExplainDocument
from core.hashing import unit_interval
from core.ids import UnitId
from core.settings import Settings
from neuroscribe.explaining import ExplainRequest, explain_unit
from neuroscribe.workspace import CorpusChoice, Workspace
from scoring.comparison import Pair, compare_methods

MODES = ("top_and_random", "random_only", "corpus")
CONTEXTUAL_BELOW = 0.75


def draw(workspace: Workspace, subject: str, count: int) -> list[UnitId]:
    """``count`` live MLP units, drawn by a hash of their names."""
    sites = [s for s in workspace.subject(subject).sites() if s.startswith("mlp.")]
    index = workspace.index(subject, sites[0], CorpusChoice())
    live = [UnitId(subject, s, int(i)) for s in sites for i in index.live_units(s)]
    live.sort(key=lambda u: unit_interval("benchmark/units/1", str(u)))
    return live[:count]


def main_score(document: ExplainDocument, mode: str) -> Any:
    """The ``report`` simulation score of the whole explanation in ``mode``, or None."""
    if not document.explanations:
        return None
    first = document.explanations[0].id
    for score in document.scores:
        if (score.explanation_id, score.scorer, score.mode) == (first, "simulation", mode):
            return score
    return None


def summary(name: str, documents: list[ExplainDocument]) -> dict[str, Any]:
    """Means over units and the paired gain over the equal-length token list, by mode."""
    modes = {}
    for mode in MODES:
        scores = [s for d in documents if (s := main_score(d, mode)) and s.value is not None]
        if not scores:
            continue
        pairs = [Pair(s.value, s.token_list_equal, "no token list") for s in scores]
        compared = compare_methods(pairs, seed=0)
        modes[mode] = {
            "rho": _mean([s.value for s in scores]),
            "token_list_equal": _mean([s.token_list_equal for s in scores]),
            "token_list_50": _mean([s.token_list_50 for s in scores]),
            "token_table": _mean([s.token_table for s in scores]),
            "null_mean": _mean([s.null_mean for s in scores]),
            "null_p95": _mean([s.null_p95 for s in scores]),
            "gain": _rounded(compared.gain.value),
            "gain_low": _rounded(compared.gain.low),
            "gain_high": _rounded(compared.gain.high),
            "undefined": len(documents) - len(scores),
        }
    return {"group": name, "units": len(documents), "modes": modes}


def _mean(values: list[float | None]) -> float | None:
    """Mean of the defined values."""
    defined = [v for v in values if v is not None]
    return _rounded(float(np.mean(defined))) if defined else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def groups(documents: list[ExplainDocument]) -> list[dict[str, Any]]:
    """All units, each layer, and the units that follow context."""
    rows = [summary("all", documents)]
    for site in sorted({d.unit.site for d in documents}):
        rows.append(summary(site, [d for d in documents if d.unit.site == site]))
    contextual = []
    for document in documents:
        score = main_score(document, "corpus")
        if score is not None and (score.token_table or 0.0) < CONTEXTUAL_BELOW:
            contextual.append(document)
    rows.append(summary(f"table ρ < {CONTEXTUAL_BELOW}", contextual))
    return rows


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--subject", default="demo")
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--one-shot", action="store_true", help="without experiments")
    parser.add_argument("--home", type=Path, help="keep the index here (default: temporary)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Settings(home=options.home or Path(scratch)))
        units = draw(workspace, options.subject, options.units)
        began = time.monotonic()
        documents = [
            explain_unit(
                workspace,
                ExplainRequest(u, mode="one-shot" if options.one_shot else "agent", arms=False),
                fresh=True,
            ).document
            for u in units
        ]
    seconds = (time.monotonic() - began) / max(1, len(units))
    verdicts = Counter(d.verdict for d in documents)
    figures = {
        "subject": options.subject,
        "units": len(units),
        "seconds_a_unit": round(seconds, 2),
        "verdicts": dict(verdicts),
        "abstained_share": round(verdicts.get("abstained", 0) / max(1, len(units)), 3),
        "groups": groups(documents),
    }
    if options.json:
        print(json.dumps(figures))
        return
    _print(figures)


def _print(figures: dict[str, Any]) -> None:
    print(
        f"{figures['units']} live units of {figures['subject']}, "
        f"{figures['seconds_a_unit']} s a unit, verdicts {figures['verdicts']}"
    )
    print("| units | n | mode | ρ | equal list | gain [95 %] | 50 list | table | null | null p95 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in figures["groups"]:
        for mode, m in row["modes"].items():
            print(
                f"| {row['group']} | {row['units'] - m['undefined']} | {mode} | {m['rho']} "
                f"| {m['token_list_equal']} | {m['gain']} [{m['gain_low']}, {m['gain_high']}] "
                f"| {m['token_list_50']} | {m['token_table']} | {m['null_mean']} "
                f"| {m['null_p95']} |"
            )


if __name__ == "__main__":
    main()
