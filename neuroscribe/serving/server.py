"""Starts the service and stops it: what was begun is finished, streams are told to come again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import uvicorn

from core.errors import InvalidSetting
from neuroscribe.holding import memory_limit
from neuroscribe.serving.desk import LocalDesk
from neuroscribe.serving.keys import StoredKeys
from neuroscribe.serving.worker import Worker
from neuroscribe.workspace import CorpusChoice, Workspace
from service.app import App, create_app
from service.auth import Gate
from service.events import Feeds
from service.guard import LOOPBACK, Limits

if TYPE_CHECKING:
    from storage import Store

GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to listen, and who may ask. ``names`` are host names it answers to beside loopback's.

    ``keys`` None: asked for unless it listens on loopback only.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    names: tuple[str, ...] = ()
    keys: bool | None = None
    work: bool = True
    corpus: CorpusChoice = field(default_factory=CorpusChoice)

    @property
    def on_loopback(self) -> bool:
        """Whether nobody else's machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def asks_for_keys(self) -> bool:
        """Whether callers need an API key."""
        return not self.on_loopback if self.keys is None else self.keys


def application(workspace: Workspace, store: Store, options: ServeOptions) -> tuple[App, Feeds]:
    """The service over a workspace and its open store, and what follows jobs in it."""
    workspace.holding.limit = memory_limit(workspace.settings)
    worker = Worker(workspace, store, workspace.settings.service_jobs) if options.work else None
    desk = LocalDesk(workspace, store, options.corpus, worker)
    gate = Gate(StoredKeys(store) if options.asks_for_keys else None)
    feeds = Feeds(desk)
    hosts = (*LOOPBACK, *options.names) if options.on_loopback or options.names else ()
    return create_app(desk, gate, limits=Limits(hosts=hosts), feeds=feeds), feeds


def serve(workspace: Workspace, options: ServeOptions, log: dict[str, Any] | None = None) -> None:
    """Listen until SIGINT or SIGTERM. :class:`InvalidSetting` when the address cannot be used."""
    with workspace.store() as store:
        if options.asks_for_keys and not any(k.ended() is None for k in store.keys.all()):
            raise InvalidSetting(
                "the service needs API keys, and there is none",
                "make one: neuroscribe keys create NAME --scope run",
            )
        app, feeds = application(workspace, store, options)
        with _listening(options.host, options.port) as sockets:
            config = uvicorn.Config(
                app,
                log_config=log,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                lifespan="on",
            )
            _Server(config, feeds).run(sockets=sockets)


class _Server(uvicorn.Server):
    """Ends streams as soon as it is told to stop: it would wait for them."""

    def __init__(self, config: uvicorn.Config, feeds: Feeds) -> None:
        super().__init__(config)
        self._feeds = feeds

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Told by a signal to stop."""
        super().handle_exit(sig, frame)
        self._feeds.closing.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As its base, but a signal that was heeded ends the program quietly."""
        before = {sig: signal.getsignal(sig) for sig in (signal.SIGINT, signal.SIGTERM)}
        loop = asyncio.get_running_loop()
        for sig in before:
            loop.add_signal_handler(sig, self.handle_exit, sig, None)
        try:
            yield
        finally:
            for sig, handler in before.items():
                loop.remove_signal_handler(sig)
                signal.signal(sig, handler)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        opened = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InvalidSetting(
            f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
            "choose another --host or --port",
        ) from None
    # Accepted sockets inherit it. asyncio sets it itself only where the protocol is named, and
    # without it a body that follows its head waits 40 ms for an acknowledgement.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with opened:
        yield [opened]
