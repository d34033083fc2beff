"""What a job table, leases and heartbeats cost, against asking about the same units without them.

Keys of ``--json``: ``units``, ``latency`` of each, ``concurrency``, ``spread`` (a unit takes from
1 - spread to 1 + spread times the latency), ``ideal`` seconds (units × latency / concurrency),
medians ``bare`` (a semaphore) and ``sweep``; ``ratio_bare`` = sweep / bare and ``ratio_ideal`` =
sweep / ideal with ``_low`` and ``_high`` over the repeats. Database: SQLite, or ``--url``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from agent.sweep import Done, sweep
from benchmarks.timing import interleaved, ratio
from core.ids import UnitId
from storage import JobRecord, Store, open_store


class Waiting:
    """Asks that only wait; the same waits for everybody."""

    def __init__(self, units: Iterable[UnitId], latency: float, spread: float) -> None:
        chance = random.Random(0)
        self.seconds = {unit: latency * (1 + spread * chance.uniform(-1, 1)) for unit in units}

    async def __call__(self, unit: UnitId) -> Done:
        """Wait for as long as the unit takes."""
        await asyncio.sleep(self.seconds[unit])
        return Done("run", "explained", 0.5, 0.1)


async def bare(units: list[UnitId], ask: Waiting, concurrency: int) -> None:
    """Everything at once behind a semaphore, and nothing kept."""
    gate = asyncio.Semaphore(concurrency)

    async def one(unit: UnitId) -> None:
        async with gate:
            await ask(unit)

    await asyncio.gather(*(one(unit) for unit in units))


def swept(store: Store, units: list[UnitId], ask: Waiting, concurrency: int) -> None:
    """The same as a job, from its making to its end."""
    job = JobRecord(
        id=uuid4().hex[:16],
        subject="demo",
        site="mlp.0",
        parameters={},
        concurrency=concurrency,
        created=datetime.now(UTC),
    )
    store.jobs.create(job, units)
    end = asyncio.run(sweep(store.jobs, job.id, ask, concurrency=concurrency))
    assert (end.why, end.counts.done) == ("done", len(units)), end


def measure(
    url: str, count: int, latency: float, spread: float, concurrency: int, repeats: int
) -> dict[str, Any]:
    """Interleaved repeats of both."""
    units = [UnitId("demo", "mlp.0", index) for index in range(count)]
    ask = Waiting(units, latency, spread)
    with open_store(url) as store:
        seconds = interleaved(
            {
                "bare": lambda: asyncio.run(bare(units, ask, concurrency)),
                "sweep": partial(swept, store, units, ask, concurrency),
            },
            repeats,
        )
    ideal = sum(ask.seconds.values()) / concurrency
    figures: dict[str, Any] = {
        "units": count,
        "latency": latency,
        "spread": spread,
        "concurrency": concurrency,
        "repeats": repeats,
        "ideal": round(ideal, 3),
    }
    figures |= {name: round(float(np.median(each)), 3) for name, each in seconds.items()}
    figures |= ratio("bare", seconds["sweep"], seconds["bare"])
    return figures | ratio("ideal", seconds["sweep"], [ideal] * repeats)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--url", default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            given.url or f"sqlite:///{Path(folder) / 'jobs.db'}",
            given.units,
            given.latency,
            given.spread,
            given.concurrency,
            given.repeats,
        )
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{figures['units']} units of {figures['latency']} s, {figures['concurrency']} at once")
    for name in ("ideal", "bare", "sweep"):
        print(f"  {name:<6} {figures[name]:>8.2f} s")
    for name in ("bare", "ideal"):
        middle, low, high = (figures[f"ratio_{name}{end}"] for end in ("", "_low", "_high"))
        print(f"  sweep / {name:<6} {middle} [{low}, {high}]")


if __name__ == "__main__":
    main()
