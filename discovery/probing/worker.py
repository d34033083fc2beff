"""A process that does pieces of work for the one that started it, and ends with it.

``python -P worker.py DESCRIPTOR``: through the socket of that number come the folders where modules
lie, then pieces of work, and results go back; standard input is a pipe that nothing is written to,
and closes when the other process is gone, however it ended. This file imports Python's own modules
alone: no others are found before the folders have come.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

_PR_SET_PDEATHSIG = 1


def serve(channel: Connection[Any, Any]) -> None:
    """Do what comes until nothing does; a failure is sent as the exception."""
    with channel, suppress(EOFError):
        sys.path[:] = channel.recv()
        while True:
            channel.send_bytes(_done(channel.recv_bytes()))


def _done(piece: bytes) -> memoryview:
    """What a piece of work gives or raises, as it is sent; so too where it cannot be sent."""
    try:
        return ForkingPickler.dumps(ForkingPickler.loads(piece).run())
    except Exception as error:
        return ForkingPickler.dumps(_sendable(error))


def _sendable(error: Exception) -> Exception:
    """The error with where it came from; one that cannot be sent, in words."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_with_parent() -> None:
    """Linux kills this process when the one that started it is gone, even inside a solver that
    lets no other thread run; elsewhere, and where that came too late, the pipe tells it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_pipe, daemon=True).start()


def _end_with_pipe() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    _end_with_parent()
    serve(Connection(int(sys.argv[1])))
