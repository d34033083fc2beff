"""What the path through language models loses when the model itself makes no mistake.

A scripted model behind real HTTP is told the truth of a planted unit, explains with it, and
simulates what the explanation says. Keys of ``--json``: ``units`` and by strategy ``strategies``:
``scored`` units, ``mean_rho``, ``mean_oracle``, ``worst`` (largest |ρ - oracle|), ``failed``
(units without a score), ``requests`` and ``prompt_tokens`` a unit, all on ``corpus``; units whose
oracle is undefined there are counted in ``silent``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from core.ids import UnitId
from core.settings import Settings
from neuroscribe.explaining import ExplainRequest, explain_unit
from neuroscribe.models import ModelChoice, Strategy
from neuroscribe.workspace import Workspace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "fakes"))

FAMILIES = ("exact", "word", "affix", "charclass", "after", "within", "inside", "seen", "union")


def run(
    workspace: Workspace, units: list[UnitId], strategy: Strategy, excerpts: int, served: Any
) -> dict[str, Any]:
    """Explain and score every unit through one strategy."""
    server, ideal, name = served
    rhos, oracles, requests, tokens = [], [], [], []
    silent = failed = 0
    for unit in units:
        truth = workspace.subject("planted").truth(unit)  # type: ignore[attr-defined]
        ideal.truth = truth.pattern
        server.requests.clear()
        choice = ModelChoice(name, strategy=strategy, candidates=1, scored=excerpts)
        document = explain_unit(workspace, ExplainRequest(unit, models=choice)).document
        score = next(s for s in document.scores if s.scorer == "simulation" and s.mode == "corpus")
        requests.append(len(server.questions))
        tokens.append(document.usage.input_tokens)
        if score.oracle is None:
            silent += 1
        elif score.value is None:
            failed += 1
        else:
            rhos.append(score.value)
            oracles.append(score.oracle)
    apart = np.abs(np.array(rhos) - np.array(oracles))
    return {
        "scored": len(rhos),
        "silent": silent,
        "failed": failed,
        "mean_rho": round(float(np.mean(rhos)), 4),
        "mean_oracle": round(float(np.mean(oracles)), 4),
        "worst": round(float(apart.max()), 4),
        "requests": round(float(np.mean(requests)), 1),
        "prompt_tokens": round(float(np.mean(tokens))),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--per-family", type=int, default=3)
    parser.add_argument("--excerpts", type=int, default=5)
    parser.add_argument("--strategies", default="all-at-once,indexed,token-by-token")
    parser.add_argument("--home", type=Path, help="keep index and record here")
    options = parser.parse_args()
    from fake_ideal import IdealModel
    from fake_model import tiny_model
    from fake_server import FakeServer, running

    os.environ.setdefault("OPENAI_API_KEY", "k")
    model = tiny_model(context=8192)
    ideal = IdealModel(model)
    server = FakeServer(model=model, script=ideal)
    units = [UnitId("planted", family, i) for family in FAMILIES for i in range(options.per_family)]
    figures: dict[str, Any] = {"units": len(units), "excerpts": options.excerpts, "strategies": {}}
    with tempfile.TemporaryDirectory() as temporary, running(server) as url:
        workspace = Workspace(Settings(home=options.home or Path(temporary)))
        for strategy in options.strategies.split(","):
            served = (server, ideal, f"openai:tiny@{url}/v1")
            found = run(workspace, units, strategy, options.excerpts, served)
            figures["strategies"][strategy] = found
            if not options.json:
                print(f"{strategy:<15} {found}", flush=True)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
