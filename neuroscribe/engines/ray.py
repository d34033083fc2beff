"""The connection to Ray: started on this machine for as long as it is needed, or a cluster's.

Nothing of Ray is imported before a cluster is opened. One that we started is shut down when it is
closed; one that was there before is left alone.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from core.errors import EngineUnavailable, InvalidSetting, MissingExtra

OBJECT_STORE_BYTES = 200_000_000
_ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker reserves of a machine: CPUs, and GPUs or a part of one."""

    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of an answer: how the worker was lost, in a line."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def import_ray() -> Any:
    """The package ``ray``; :class:`MissingExtra` without it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra(
            "engine 'ray' needs the package 'ray'", "pip install 'neuroscribe[ray]'"
        ) from error
    return ray


class RayCluster:
    """Ray on this machine with ``cpus`` CPUs to give away, or the cluster at ``address``.

    ``address`` is ``HOST:PORT`` of a cluster, or ``auto`` for the one that this machine is part of.
    A process that is already connected to Ray keeps its connection. Raises :class:`MissingExtra`,
    :class:`EngineUnavailable`, or :class:`InvalidSetting` for an address of another kind.
    """

    def __init__(self, address: str | None = None, *, cpus: int = 1) -> None:
        self._ray = import_ray()
        logging.getLogger("ray").setLevel(logging.ERROR)  # it announces how it starts
        self.address = address
        self._started = False
        if not self._ray.is_initialized():
            self._connect(address, cpus)

    def _connect(self, address: str | None, cpus: int) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is None:
            options |= {
                "address": "local",
                "num_cpus": cpus,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
            }
        else:
            _reachable(address)
            options["address"] = address
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(**options)
        except (RuntimeError, ValueError, OSError, self._ray.exceptions.RayError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            where = "on this machine" if address is None else f"at {address!r}"
            raise EngineUnavailable(
                f"Ray cannot be used {where}: {said}", "use --engine local, or see docs/engines.md"
            ) from error
        self._started = True
        _quiet(self._ray, True)
        if threading.current_thread() is threading.main_thread():
            # Ray's own handler prints a stack and aborts. Its processes end with this one anyway.
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Shut Ray down if this object started or joined it."""
        if not self._started:
            return
        self._started = False
        self._ray.shutdown()
        _quiet(self._ray, False)

    def resources(self) -> dict[str, float]:
        """What all machines have together: ``CPU``, ``GPU``, ..."""
        return dict(self._ray.cluster_resources())

    def check(self, share: Share) -> None:
        """Raise :class:`EngineUnavailable` unless some machine is large enough for ``share``."""
        for node in self._ray.nodes():
            has = node["Resources"] if node["Alive"] else {}
            if has.get("CPU", 0) >= share.cpus and has.get("GPU", 0) >= share.gpus:
                return
        raise EngineUnavailable(
            f"no machine of the Ray cluster has {share.cpus:g} CPUs and {share.gpus:g} GPUs",
            "set NEUROSCRIBE_THREADS lower, or NEUROSCRIBE_DEVICE=cpu",
        )

    def actor(self, held: type, share: Share, *arguments: object) -> Any:
        """Start a process that holds ``held(*arguments)``."""
        # Restarting and retrying are the pool's, which knows what is worth it.
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_restarts": 0}
        made = self._ray.remote(**options, concurrency_groups={_ASIDE: 1})(held)
        return made.remote(*arguments)

    def aside(self, method: Any) -> None:
        """Call an actor's ``method`` now, beside what the actor is doing."""
        method.options(concurrency_group=_ASIDE).remote()

    def ready(self, references: Sequence[Any], seconds: float) -> set[Any]:
        """Which answers are there, waiting at most ``seconds`` for the first."""
        found, left = self._ray.wait(list(references), num_returns=1, timeout=seconds)
        if found and left:
            found = found + self._ray.wait(left, num_returns=len(left), timeout=0)[0]
        return set(found)

    def all_ready(self, references: Sequence[Any], seconds: float) -> set[Any]:
        """The same, waiting at most ``seconds`` for all of them."""
        if not references:
            return set()
        found = self._ray.wait(list(references), num_returns=len(references), timeout=seconds)[0]
        return set(found)

    def answer(self, reference: Any) -> Any:
        """What a worker answered, or :class:`Lost`."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Lost(_reason(error))

    def kill(self, actor: Any) -> None:
        """End a worker's process."""
        self._ray.kill(actor, no_restart=True)


def _reason(error: Exception) -> str:
    """What Ray says of a lost worker, in a line."""
    text = " ".join(str(error).split())
    detail = re.search(r"Worker exit detail: (.*?)(?: Some common causes|$)", text)
    return (detail[1] if detail else text or type(error).__name__)[:300]


def _quiet(ray: Any, quiet: bool) -> None:
    """Keep Ray's reports of lost workers off stdout; the pool tells of those that matter."""
    with suppress(AttributeError):
        ray._private.worker._worker_logs_enabled = not quiet


def _reachable(address: str) -> None:
    """Refuse in seconds what Ray would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise InvalidSetting(
            f"{address!r} is no address of a Ray cluster",
            "give HOST:PORT, or auto on a machine of the cluster",
        )
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise EngineUnavailable(
            f"there is no Ray cluster at {address!r}: {error}",
            "is `ray start --head` running there?",
        ) from error
