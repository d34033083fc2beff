"""How long does optimal sparse probing take to a proof, for k = 1 .. 8 in all?

Rows are planted as in ``benchmarks.probing_recovery`` (k = 6, gamma = 1/sqrt(rows), one thread).
Keys of ``--json``: ``runs``, a list of ``{"rows", "width", "loss", "seed", "seconds", "optimal",
"slowest", "worst_gap", "cuts"}``: seconds for all eight together, how many of the eight are proven
optimal, seconds of the slowest, the greatest gap, and cuts in the end.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.probing_recovery import plant
from discovery.probing.osp.cutting import solve_path
from discovery.probing.osp.problem import Loss

KS = range(1, 9)
LOSSES: tuple[Loss, ...] = ("logistic", "hinge")


def measured(rows: int, width: int, loss: Loss, seed: int, time_limit: float) -> dict[str, Any]:
    """One path over k."""
    planted = plant(rows, width, 6, seed)
    with threadpool_limits(1):
        began = time.perf_counter()
        found = solve_path(planted.columns, planted.labels, KS, loss=loss, time_limit=time_limit)
        seconds = time.perf_counter() - began
    proofs = [support.certificate for support in found.values()]
    return {
        "rows": rows,
        "width": width,
        "loss": loss,
        "seed": seed,
        "seconds": round(seconds, 2),
        "optimal": sum(proof.status == "optimal" for proof in proofs),
        "slowest": round(max(proof.seconds for proof in proofs), 2),
        "worst_gap": float(f"{max(proof.gap or 0.0 for proof in proofs):.2g}"),
        "cuts": proofs[-1].cuts,
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--widths", default="50,1024", help="comma-separated")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds, for each k")
    options = parser.parse_args()
    runs = []
    for width in (int(word) for word in options.widths.split(",")):
        for loss in LOSSES:
            for seed in range(options.seeds):
                run = measured(options.rows, width, loss, seed, options.time_limit)
                runs.append(run)
                if not options.json:
                    print(
                        f"n {run['rows']:,}  p {width:>5}  {loss:<8} seed {seed}: "
                        f"{run['seconds']:6.2f} s, {run['optimal']} of {len(KS)} proven, "
                        f"slowest {run['slowest']:.2f} s, worst gap {run['worst_gap']:.1e}",
                        flush=True,
                    )
    if options.json:
        print(json.dumps({"runs": runs}))


if __name__ == "__main__":
    main()
