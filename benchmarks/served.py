"""``neuroscribe serve`` as a process of its own, for benchmarks and tests over a real socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A service that answers at ``url`` and writes its ``log``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def served(
    home: Path, corpus: Path, *words: str, port: int | None = None, **environment: str
) -> Iterator[Served]:
    """The service over a home folder, from when it is ready; it is told to stop at the end.

    ``words`` are added to the command, ``environment`` to this process's own. The log lies beside
    ``home``; each start adds to it. :class:`RuntimeError`, with the log, when it does not start.
    """
    port = free_port() if port is None else port
    url, log = f"http://127.0.0.1:{port}", home.parent / "service.log"
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "neuroscribe", "serve", "--port", str(port)]
    with log.open("a") as into:
        process = subprocess.Popen(
            [*command, "--corpus", str(corpus), *words],
            env={**os.environ, "NEUROSCRIBE_HOME": str(home), **environment},
            stdout=into,
            stderr=into,
        )
    try:
        _ready(url, process, log)
        yield Served(url, process, log)
    finally:
        stopped(process)


def stopped(process: subprocess.Popen[bytes]) -> None:
    """End a process that may have ended; one that does not heed SIGTERM is killed."""
    process.terminate()
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start: {log.read_text(encoding='utf-8')}")
