"""A process that does pieces of work for the one that started it, and ends with it.

``python -m discovery.probing.worker DESCRIPTOR``: pieces come and results go through the socket
of that number; standard input is a pipe that nothing is written to, and closes when the other
process is gone, however it ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

_PR_SET_PDEATHSIG = 1


def serve(channel: Connection[Any, Any]) -> None:
    """Do what comes until nothing does; a failure is sent as the exception."""
    with channel:
        while True:
            try:
                job = channel.recv()
            except EOFError:
                return
            except Exception as error:
                channel.send(_sendable(error))
                continue
            try:
                result = job.run()
            except Exception as error:
                result = _sendable(error)
            channel.send(result)


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
