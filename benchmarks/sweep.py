"""What a sweep costs beside the answers it waits for: job table, graph, checkpoints, notes, Ray.

Keys of ``--json``: ``units``, ``latency`` of a call, ``calls`` a unit, ``concurrency``, ``spread``
(a call takes from 1 - spread to 1 + spread times the latency), ``ideal`` seconds (units × calls ×
latency / concurrency); medians in seconds of ``bare`` (a semaphore, nothing kept), ``scheduler``
(the same waits as items of a job), ``steps`` (units of :mod:`benchmarks.sweep_stub`: every step
through the graph, calls recorded, nothing else kept) and ``kept`` (with checkpoints and notes).
``ratio_scheduler``, ``ratio_steps`` and ``ratio_kept`` are over ``ideal``, ``ratio_checkpoints`` is
kept / steps, ``ratio_bare`` bare / ideal; each with ``_low`` and ``_high`` over the repeats.
``cpu_ms_a_unit`` is processor time, which does not depend on who else uses the machine.
``kilobytes_a_unit``: what the last ``kept`` repeat left in the database (calls and job) and, of
notes and checkpoints, the most that lay there while it ran, and what was left of them.

With ``--ray WORKERS`` instead: ``kept`` work in this process and by workers on Ray that share its
concurrency: medians ``local`` and ``ray`` (from the first unit taken to the last ended),
``ray_whole`` (with Ray started and ended), ``ratio_ray`` = ray / local.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from agent.sweep import Ask, Done, sweep
from benchmarks.sweep_stub import CALLS, investigating
from benchmarks.timing import interleaved, ratio
from core.ids import UnitId
from storage import JobRecord, Store, open_store


class Waiting:
    """Asks that only wait; the same waits for everybody."""

    def __init__(self, units: Iterable[UnitId], latency: float, spread: float) -> None:
        chance = random.Random(0)
        self.seconds = {
            unit: [latency * (1 + spread * chance.uniform(-1, 1)) for _ in range(CALLS)]
            for unit in units
        }

    async def __call__(self, unit: UnitId) -> Done:
        """Wait for as long as the unit's calls take, one after the other."""
        for seconds in self.seconds[unit]:
            await asyncio.sleep(seconds)
        return Done("run", "explained", 0.5, 0.1)


async def bare(units: list[UnitId], ask: Waiting, concurrency: int) -> None:
    """Everything at once behind a semaphore, and nothing kept."""
    gate = asyncio.Semaphore(concurrency)

    async def one(unit: UnitId) -> None:
        async with gate:
            await ask(unit)

    await asyncio.gather(*(one(unit) for unit in units))


def new_job(store: Store, units: list[UnitId], concurrency: int) -> str:
    """A job about the units, and its id."""
    job = JobRecord(
        id=uuid4().hex[:16],
        subject="demo",
        site="mlp.0",
        parameters={},
        concurrency=concurrency,
        created=datetime.now(UTC).isoformat(),
    )
    store.jobs.create(job, units)
    return job.id


async def swept(store: Store, units: list[UnitId], ask: Ask, concurrency: int) -> None:
    """The units as a job, from its making to its end."""
    job = new_job(store, units, concurrency)
    end = await sweep(store.jobs, job, ask, concurrency=concurrency)
    assert (end.why, end.counts.done) == ("done", len(units)), end


@dataclass
class Sizes:
    """Bytes of notes and checkpoints while they lie there, and in the end."""

    most_notes: int = 0
    most_checkpoints: int = 0
    left_notes: int = 0
    left_checkpoints: int = 0

    def look(self, database: Path, checkpoints: Path) -> None:
        """Add up what lies there now."""
        self.left_notes = _sum(database, "length(value)", "run_notes")
        self.left_checkpoints = _sum(checkpoints, "length(checkpoint)", "checkpoints")
        self.most_notes = max(self.most_notes, self.left_notes)
        self.most_checkpoints = max(self.most_checkpoints, self.left_checkpoints)


@dataclass
class Contest:
    """The same units for everybody, in one folder."""

    folder: Path
    units: list[UnitId]
    latency: float
    spread: float
    concurrency: int
    url: str | None = None

    @property
    def database(self) -> str:
        """Where the store is."""
        return self.url or f"sqlite:///{self.folder / 'jobs.db'}"

    @property
    def checkpoints(self) -> str:
        """Where checkpoints are."""
        return str(self.folder / "checkpoints.db")

    def steps(self, store: Store, kept: bool, sizes: Sizes | None = None) -> None:
        """Every unit through the graph."""

        async def run() -> None:
            where = self.checkpoints if kept else None
            watching = asyncio.create_task(self._watch(sizes)) if sizes else None
            tag = uuid4().hex
            async with investigating(store, self.latency, tag, where, self.spread) as ask:
                await swept(store, self.units, ask, self.concurrency)
            if watching is not None and sizes is not None:
                watching.cancel()
                sizes.look(self.folder / "jobs.db", Path(self.checkpoints))

        asyncio.run(run())

    async def _watch(self, sizes: Sizes) -> None:
        while True:
            await asyncio.sleep(2.0)
            await asyncio.to_thread(sizes.look, self.folder / "jobs.db", Path(self.checkpoints))


def measure(contest: Contest, repeats: int) -> dict[str, Any]:
    """Interleaved repeats of everybody in this process."""
    ask = Waiting(contest.units, contest.latency, contest.spread)
    with open_store(contest.database) as store:
        contestants: dict[str, Callable[[], object]] = {
            "bare": lambda: asyncio.run(bare(contest.units, ask, contest.concurrency)),
            "scheduler": lambda: asyncio.run(swept(store, contest.units, ask, contest.concurrency)),
            "steps": lambda: contest.steps(store, False),
            "kept": lambda: contest.steps(store, True),
        }
        used = dict.fromkeys(contestants, 0.0)
        seconds = interleaved({n: _timed(run, n, used) for n, run in contestants.items()}, repeats)
        sizes = Sizes()
        before = _file_size(contest.folder / "jobs.db", store)
        if contest.url is None:
            contest.steps(store, True, sizes)
        after = _file_size(contest.folder / "jobs.db", store)
    ideal = len(contest.units) * CALLS * contest.latency / contest.concurrency
    figures = _told(contest, repeats) | {"ideal": round(ideal, 3)}
    figures |= {name: round(float(np.median(each)), 3) for name, each in seconds.items()}
    for name, each in seconds.items():
        figures |= ratio(name, each, [ideal] * repeats)
    figures |= ratio("checkpoints", seconds["kept"], seconds["steps"])
    rounds = (repeats + 1) * len(contest.units)
    figures["cpu_ms_a_unit"] = {n: round(1000 * t / rounds, 2) for n, t in used.items()}
    if contest.url is None:
        each = {
            "database": after - before,
            "notes_at_most": sizes.most_notes,
            "checkpoints_at_most": sizes.most_checkpoints,
            "notes_left": sizes.left_notes,
            "checkpoints_left": sizes.left_checkpoints,
        }
        count = len(contest.units)
        figures["kilobytes_a_unit"] = {k: round(v / count / 1000, 2) for k, v in each.items()}
    return figures


@dataclass(frozen=True)
class StubSpec:
    """A worker on Ray that takes stub units of a job."""

    database: str
    checkpoints: str
    latency: float
    spread: float
    concurrency: int

    def open(self) -> StubWorker:
        """Nothing is opened yet."""
        return StubWorker(self)


class StubWorker:
    """Takes units until none is open."""

    def __init__(self, spec: StubSpec) -> None:
        self.spec = spec

    def run(self, item: str, stopped: Callable[[], bool]) -> int:
        """Units done by this worker or another by then."""

        async def work() -> int:
            spec = self.spec
            with open_store(spec.database) as store:
                async with investigating(
                    store, spec.latency, item, spec.checkpoints, spec.spread
                ) as ask:
                    end = await sweep(store.jobs, item, ask, concurrency=spec.concurrency)
                    return end.counts.done

        return asyncio.run(work())


def measure_ray(contest: Contest, workers: int, repeats: int) -> dict[str, Any]:
    """The same work here and on Ray, in turn."""
    from neuroscribe.engines.pool import run_on_each
    from neuroscribe.engines.ray import RayCluster

    share = -(-contest.concurrency // workers)
    spec = StubSpec(contest.database, contest.checkpoints, contest.latency, contest.spread, share)
    seconds: dict[str, list[float]] = {"local": [], "ray": [], "ray_whole": []}
    with open_store(contest.database) as store:
        for _ in range(repeats):
            began = time.perf_counter()
            contest.steps(store, True)
            seconds["local"].append(time.perf_counter() - began)
            job = new_job(store, contest.units, contest.concurrency)
            began = time.perf_counter()
            with RayCluster(cpus=workers) as cluster:
                run_on_each(cluster, spec, job, workers=workers)
            seconds["ray_whole"].append(time.perf_counter() - began)
            items = store.jobs.items(job)
            assert all(item.state == "done" for item in items)
            begun = min(_moment(item.started) for item in items)
            seconds["ray"].append(max(_moment(item.finished) for item in items) - begun)
    figures = _told(contest, repeats) | {"workers": workers}
    figures |= {name: round(float(np.median(each)), 3) for name, each in seconds.items()}
    return figures | ratio("ray", seconds["ray"], seconds["local"])


def _timed(run: Callable[[], object], name: str, used: dict[str, float]) -> Callable[[], None]:
    """The same, adding the processor's seconds to those of ``name``."""

    def timed() -> None:
        began = time.process_time()
        run()
        used[name] += time.process_time() - began

    return timed


def _told(contest: Contest, repeats: int) -> dict[str, Any]:
    return {
        "units": len(contest.units),
        "latency": contest.latency,
        "calls": CALLS,
        "spread": contest.spread,
        "concurrency": contest.concurrency,
        "repeats": repeats,
    }


def _moment(text: str | None) -> float:
    assert text is not None
    return datetime.fromisoformat(text).timestamp()


def _sum(path: Path, what: str, table: str) -> int:
    with closing(sqlite3.connect(path, timeout=30)) as link:
        return int(link.execute(f"SELECT coalesce(sum({what}), 0) FROM {table}").fetchone()[0])


def _file_size(path: Path, store: Store) -> int:
    if store.engine.dialect.name != "sqlite":
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as link:
        free, pages, size = (
            int(link.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("freelist_count", "page_count", "page_size")
        )
    return (pages - free) * size


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--url", default=None)
    parser.add_argument("--ray", type=int, default=None, metavar="WORKERS")
    given = parser.parse_args()
    units = [UnitId("demo", "mlp.0", index) for index in range(given.units)]
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(
            Path(folder), units, given.latency, given.spread, given.concurrency, given.url
        )
        if given.ray is not None:
            figures = measure_ray(contest, given.ray, given.repeats)
        else:
            figures = measure(contest, given.repeats)
    if given.json:
        print(json.dumps(figures))
        return
    print(
        f"{figures['units']} units of {figures['calls']} calls of {figures['latency']} s, "
        f"{figures['concurrency']} at once"
    )
    for name in ("ideal", "bare", "scheduler", "steps", "kept", "local", "ray", "ray_whole"):
        if name in figures:
            print(f"  {name:<10} {figures[name]:>8.2f} s")
    for name in ("bare", "scheduler", "steps", "kept", "checkpoints", "ray"):
        if f"ratio_{name}" in figures:
            middle, low, high = (figures[f"ratio_{name}{end}"] for end in ("", "_low", "_high"))
            print(f"  ratio {name:<12} {middle} [{low}, {high}]")
    for name, used in figures.get("cpu_ms_a_unit", {}).items():
        print(f"  CPU ms a unit, {name}: {used}")
    for name, size in figures.get("kilobytes_a_unit", {}).items():
        print(f"  kB a unit, {name}: {size}")


if __name__ == "__main__":
    main()
