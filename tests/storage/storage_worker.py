"""Processes that use a store: for the tests of concurrency and of sudden death.

This one imports everything once. Each line that it reads is a list: a URL, a folder and tasks. It
forks a process a task, all of which begin at the same moment and print what they got into the
folder, and says how they ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import alembic.command  # noqa: F401  (slow to import: once, before any process begins)
from sqlalchemy import Engine, event
from storage_examples import SPEC, UNIT, call, explanation, run

from storage import Ending, Store, open_store


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def dies(statement_start: str) -> None:
    """Arrange to be killed right after a statement, with no clean-up of any kind."""

    @event.listens_for(Engine, "after_cursor_execute")
    def _kill(conn: object, cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(statement_start):
            say("killed")
            os.kill(os.getpid(), signal.SIGKILL)


def flush_early(store: Store) -> None:
    """Have SQLite write pages to the disk before the transaction ends."""
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA cache_size = 1")


def main(url: str, task: str, name: str) -> None:
    """What one process does."""
    if task == "die while migrating":
        dies("CREATE TABLE report_openings")
    if task == "die while upgrading":
        dies("CREATE TABLE llm_calls")
    with open_store(url) as store:
        if task == "save":
            for n in range(4):
                version = store.next_version(UNIT, SPEC)
                id = f"{name}-{n}"
                store.save_run(
                    run(id, explanations=(explanation(id, version),), scores=(), openings=())
                )
                say(version)
        if task == "save calls":
            for n in range(5):
                store.save_calls([call(f"{name}-{n}-{part}") for part in range(4)])
        if task == "work":  # ends what it takes, but for one of several, which it gives back
            while taken := store.jobs.claim("job-0001", name, limit=7, lease_seconds=60):
                if len(taken) > 1:
                    store.jobs.release("job-0001", name, [taken.pop().position])
                for item in taken:
                    say(item.position)
                store.jobs.end(name, [Ending(item=item, run_id=name) for item in taken])
        if task == "die while ending":
            taken = store.jobs.claim("job-0001", name, limit=7, lease_seconds=0)
            dies("UPDATE job_items")
            store.jobs.end(name, [Ending(item=item, run_id=name) for item in taken])
        if task == "die while saving calls":
            flush_early(store)
            dies("INSERT INTO llm_calls")
            big = {"text": "x" * 200_000}
            store.save_calls([call(f"doomed-{n}", request=big) for n in range(5)])
        if task == "die while saving":
            flush_early(store)
            dies("INSERT INTO report_openings")
            store.save_run(run("doomed", 2, document={"text": "x" * 500_000}))


def begun(url: str, folder: Path, number: int, task: str, gate: tuple[int, int]) -> int:
    """The PID of a process that waits at the gate, and does not return from here."""
    if pid := os.fork():
        return pid
    for descriptor, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / f"{number}.{kind}", os.O_WRONLY | os.O_CREAT), descriptor)
    os.close(gate[1])
    os.read(gate[0], 1)  # until nobody holds the other end
    main(url, task, f"worker-{number}")
    sys.exit()


if __name__ == "__main__":
    for line in sys.stdin:
        url, folder, *tasks = json.loads(line)
        gate = os.pipe()
        pids = [begun(url, Path(folder), n, task, gate) for n, task in enumerate(tasks)]
        for end in reversed(gate):
            os.close(end)
        say(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]))
