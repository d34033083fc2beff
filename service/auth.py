"""Who asks: API keys with scopes, how often each may ask, and who needs none.

A key is sent as ``Authorization: Bearer`` or, by the web page, as a cookie that scripts cannot
read; the store holds a hash of it. A service that listens on loopback only may be told to ask for
no keys; then everybody who reaches it may do everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from service.problems import ServiceError

Scope = Literal["read", "run", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "run", "admin")
COOKIE = "neuroscribe_key"
MINUTE = 60.0
_BEARER = HTTPBearer(auto_error=False, description="an API key: neuroscribe keys create")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``scope`` includes those before it in ``SCOPES``; limits are None without any."""

    name: str
    scope: Scope
    per_minute: int | None = None
    budget_usd: float | None = None
    max_calls: int | None = None

    @property
    def limited(self) -> bool:
        """Whether what its jobs together may spend is bounded."""
        return self.budget_usd is not None or self.max_calls is not None

    def may(self, scope: Scope) -> bool:
        """Whether the caller's scope includes ``scope``."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


ANYBODY = Caller("anybody", "admin")


class Keys(Protocol):
    """Knows the API keys."""

    async def caller(self, key: str) -> Caller:
        """Whose key it is; :class:`ServiceError` (401) for one that is unknown or has ended."""
        ...


@dataclass(slots=True)
class Pace:
    """How often each caller asked within the last minute: a bucket that fills with time."""

    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, caller: Caller) -> None:
        """Count one request; :class:`ServiceError` (429) beyond the caller's rate."""
        if caller.per_minute is None:
            return
        now, most = self.clock(), float(caller.per_minute)
        left, then = self._left.get(caller.name, (most, now))
        left = min(most, left + (now - then) * most / MINUTE)
        if left < 1:
            wait = (1 - left) * MINUTE / most
            raise ServiceError(
                429,
                "rate_limited",
                f"this key may ask {caller.per_minute} times a minute",
                "wait as long as Retry-After says",
                {"Retry-After": str(int(wait) + 1)},
            )
        self._left[caller.name] = (left - 1, now)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets callers in. Without ``keys`` anybody may do everything."""

    keys: Keys | None = None
    pace: Pace = field(default_factory=Pace)

    async def caller(self, key: str | None) -> Caller:
        """Who sent this key; :class:`ServiceError` (401) when one is needed and none was sent."""
        if self.keys is None:
            return ANYBODY
        if not key:
            raise unauthorized("no_key", "this service needs an API key")
        found = await self.keys.caller(key)
        self.pace.take(found)
        return found


def unauthorized(code: str, message: str) -> ServiceError:
    """A refusal with status 401."""
    return ServiceError(
        401,
        code,
        message,
        "send Authorization: Bearer KEY (neuroscribe keys create makes one)",
        {"WWW-Authenticate": "Bearer"},
    )


async def _caller(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    cookie: Annotated[str | None, Depends(_COOKIE)],
) -> Caller:
    gate: Gate = request.app.state.gate
    return await gate.caller(bearer.credentials if bearer is not None else cookie)


def _needs(scope: Scope) -> Callable[[Caller], Caller]:
    def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not caller.may(scope):
            raise ServiceError(
                403,
                "scope_missing",
                f"this key has scope {caller.scope!r}, and {scope!r} is needed",
                "use another key",
            )
        return caller

    return check


Reader = Annotated[Caller, Depends(_needs("read"))]
Runner = Annotated[Caller, Depends(_needs("run"))]
Admin = Annotated[Caller, Depends(_needs("admin"))]
