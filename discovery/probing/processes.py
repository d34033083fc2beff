"""Processes of this machine that do pieces of work, and none of which outlives this one.

Each has one thread for linear algebra: there are as many processes as that is good for. What they
are sent is what ``multiprocessing`` sends, so activations in files travel as names of files.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import Any

from core.errors import WorkerLost

_FILE = Path(__file__).with_name("worker.py")
_THREADS = ("OMP", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR", "BLIS")


class Workers:
    """As many processes as ``count``, started when there is work for them; one is this one.

    They end where the ``with`` does. A failed or abandoned piece of work leaves them of no use.
    They are used from one thread, which outlives them: Linux ends them with the thread that started
    them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._started: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *failure: object) -> None:
        for worker in self._started:
            worker.kill()
        self._started.clear()

    def results(self, jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """What ``run`` of each job gives, with the job's place, as they are done.

        What a job raises is raised here. Raises :class:`WorkerLost` when a process ends by itself.
        """
        if self.count <= 1 or len(jobs) <= 1:
            yield from ((place, job.run()) for place, job in enumerate(jobs))
            return
        workers = self._some(len(jobs))
        for place, worker in enumerate(workers):
            worker.give(place, jobs[place])
        left = iter(range(len(workers), len(jobs)))
        while busy := {worker.channel: worker for worker in workers if worker.place is not None}:
            for channel in wait(list(busy)):
                worker = busy[channel]  # type: ignore[index]
                done, result = worker.result()
                following = next(left, None)
                if following is not None:
                    worker.give(following, jobs[following])
                yield done, result

    def _some(self, most: int) -> list[_Worker]:
        count = min(self.count, most)
        while len(self._started) < count:
            with _signals_held():
                self._started.append(_Worker())
            self._started[-1].send([os.path.abspath(folder) for folder in sys.path])
        return self._started[:count]


class _Worker:
    """One process, the channel to it, and the place of the job that it does."""

    def __init__(self) -> None:
        self.place: int | None = None
        self.channel, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                # -P: what lies beside the file is not taken for a module of Python's own
                [sys.executable, "-P", str(_FILE), str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **{f"{library}_NUM_THREADS": "1" for library in _THREADS}},
            )

    def send(self, message: Any) -> None:
        try:
            self.channel.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise self._lost() from None

    def give(self, place: int, job: Any) -> None:
        self.send(job)
        self.place = place

    def result(self) -> tuple[int, Any]:
        assert self.place is not None
        place, self.place = self.place, None
        try:
            result = self.channel.recv()
        except (EOFError, ConnectionResetError):
            raise self._lost() from None
        if isinstance(result, Exception):
            raise result
        return place, result

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
        self.channel.close()

    def _lost(self) -> WorkerLost:
        code = self._process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        hint = (
            "if memory is short, use fewer processes"
            if code == -signal.SIGKILL
            else "see what it printed above"
        )
        return WorkerLost(
            f"a process that did a part of the work ended {how}",
            f"{hint}; run it again: it goes on where it was",
        )


@contextmanager
def _signals_held() -> Iterator[None]:
    """What is started here does not hear Ctrl-C, nor a SIGTERM to the whole group.

    It is for this process to end those that it started: they would end with tracebacks.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
