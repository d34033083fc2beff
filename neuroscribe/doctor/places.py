"""The home folder, the store, checkpoints of investigations, and jobs that nobody works at."""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from neuroscribe.doctor.check import Check, State, size
from storage.looking import DatabaseSeen, JobSeen, look, look_at_jobs

if TYPE_CHECKING:
    from core.settings import Settings

LITTLE = 2 * 10**9
TOO_LITTLE = 10**8
_ELSEWHERE = "set NEUROSCRIBE_HOME to a folder that can be written"
_NOT_YET = "does not exist yet; it is made when first needed"


def home(settings: Settings) -> Check:
    """Whether the home folder can be written, and what room there is."""
    folder = settings.home
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        seen = f"{str(there)!r} is no folder"
        return Check(name="home", state="fail", seen=seen, hint=_ELSEWHERE)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        seen = f"{str(there)!r} cannot be written: {error.strerror}"
        return Check(name="home", state="fail", seen=seen, hint=_ELSEWHERE)
    free = shutil.disk_usage(there).free
    seen = f"{str(folder)!r} can be written" if there == folder else f"{str(folder)!r} {_NOT_YET}"
    state, hint = _room(free)
    return Check(name="home", state=state, seen=f"{seen}; {size(free)} free", hint=hint)


def _room(free: int) -> tuple[State, str]:
    if free < TOO_LITTLE:
        return "fail", "free some space: a store needs room to write"
    if free < LITTLE:
        return "warn", "an index of a large model takes gigabytes"
    return "ok", ""


def store(settings: Settings) -> Check:
    """Whether the store can be read, is whole, and has tables that this version knows."""
    found = look(settings.database)
    if found is None:
        return Check(name="store", state="ok", seen=f"{_file(settings.database)!r} {_NOT_YET}")
    seen = f"{found.backend} {found.version} at {found.name!r}"
    if found.schema is None:
        return Check(name="store", state="ok", seen=f"{seen}, empty: tables are made when needed")
    if found.newer:
        return Check(
            name="store",
            state="fail",
            seen=f"{seen} has schema {found.schema}, and this version knows {found.wanted}",
            hint="upgrade Neuroscribe, or set NEUROSCRIBE_DATABASE_URL to another database",
        )
    if found.schema != found.wanted:
        seen += f" has schema {found.schema}; the next opening brings it to {found.wanted}"
        hint = "stop services of the older version first, and keep a copy"
        return Check(name="store", state="warn", seen=seen, hint=hint)
    return _current(found, f"{seen}, schema {found.schema}")


def _current(found: DatabaseSeen, seen: str) -> Check:
    if found.backend != "sqlite":
        return Check(name="store", state="ok", seen=seen)
    seen += f", {size(Path(found.name).stat().st_size)}, whole, journal {found.journal}"
    if found.journal != "wal":
        hint = "readers wait for writers: is it on a network drive? Then use PostgreSQL"
        return Check(name="store", state="warn", seen=seen, hint=hint)
    return Check(name="store", state="ok", seen=seen)


def checkpoints(settings: Settings) -> Check:
    """Where investigations under way are kept."""
    place = settings.checkpoints
    if place.startswith("postgresql"):
        if find_spec("langgraph.checkpoint.postgres") is None:
            return Check(
                name="checkpoints",
                state="fail",
                seen="they are kept in PostgreSQL, which needs the package "
                "'langgraph-checkpoint-postgres'",
                hint="pip install 'neuroscribe[postgres]'",
            )
        return Check(name="checkpoints", state="ok", seen="kept beside the store, in PostgreSQL")
    found = look(f"sqlite:///{place}", ours=False)
    if found is None:
        return Check(name="checkpoints", state="ok", seen=f"{place!r} {_NOT_YET}")
    seen = f"{place!r}, {size(Path(place).stat().st_size)}, whole"
    return Check(name="checkpoints", state="ok", seen=seen)


def jobs(settings: Settings) -> Check:
    """Jobs that have not ended, and those whose workers seem to be dead."""
    found = look(settings.database)
    if found is None or found.schema is None:
        return Check(name="jobs", state="ok", seen="there are none")
    if found.schema != found.wanted:
        return Check(name="jobs", state="skipped", seen="the store is of another version")
    open_ones = look_at_jobs(settings.database)
    if not open_ones:
        return Check(name="jobs", state="ok", seen="none is open")
    lost = [job for job in open_ones if job.lost]
    left = [job for job in open_ones if _left(job)]
    seen = f"{len(open_ones)} open"
    if lost:
        units = sum(job.lost for job in lost)
        seen += f"; {units} units are held by workers that do not answer ({_names(lost)})"
    if left:
        seen += f"; nobody works at {_names(left)}"
    if lost or left:
        hint = "neuroscribe jobs resume ID (or work, for jobs of the service) goes on with them"
        return Check(name="jobs", state="warn", seen=seen, hint=hint)
    return Check(name="jobs", state="ok", seen=seen)


def _left(job: JobSeen) -> bool:
    """Whether there is work to do, nobody does it, and nobody said that it should wait."""
    return job.state in ("queued", "running") and job.queued > 0 and job.held == job.lost


def _names(found: list[JobSeen]) -> str:
    named = ", ".join(job.id for job in found[:3])
    return named + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")
