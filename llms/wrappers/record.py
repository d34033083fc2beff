"""The record of every call, which is also the cache: what was answered once is not paid again.

An answer is given to the caller after it is stored, so a killed run finds all it was given. Whole
answers serve every later run; refusals and answers that were cut off only the run that got them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from pydantic import TypeAdapter

from core.errors import ModelError
from core.together import Together
from llms.protocol import AnyResponse, ChatRequest, ChatResponse, Model, Request, Response
from llms.wrappers.base import R, Wrapper
from storage.calls import CallRecord, CallStatus

_RESPONSE: TypeAdapter[Response] = TypeAdapter(AnyResponse)


class Ledger(Protocol):
    """Where calls are kept: :class:`storage.Store` is one. Called from other threads."""

    def find_answers(self, keys: list[str], run: str | None) -> dict[str, CallRecord]:
        """By key, the stored calls whose answers may be used again."""
        ...

    def save_calls(self, calls: list[CallRecord]) -> None:
        """Keep calls, all or none."""
        ...


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A request that is being asked for ``run``; no ``answer`` comes of it when that is None."""

    run: str | None
    answer: asyncio.Future[Response | Exception | None]


class Recorder:
    """Asks and writes a ledger in another thread; what waits together goes in one transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.under_way: dict[str, UnderWay] = {}
        self._saving = Together[CallRecord, None](
            lambda calls: asyncio.to_thread(self._save, calls)
        )
        self._finding = Together[tuple[str, str | None], CallRecord | None](
            lambda asked: asyncio.to_thread(self._find, asked)
        )

    async def save(self, call: CallRecord) -> None:
        """Returns when the call is on disk."""
        # Shielded: a caller who is cancelled has still paid for the answer.
        await asyncio.shield(self._saving.ask(call))

    async def find(self, key: str, run: str | None) -> CallRecord | None:
        """The stored call whose answer may be used again."""
        return await self._finding.ask((key, run))

    def _save(self, calls: list[CallRecord]) -> list[None]:
        self.ledger.save_calls(calls)
        return [None] * len(calls)

    def _find(self, asked: list[tuple[str, str | None]]) -> list[CallRecord | None]:
        found = {
            run: self.ledger.find_answers([k for k, r in asked if r == run], run)
            for run in {run for _, run in asked}
        }
        return [found[run].get(key) for key, run in asked]


class Record(Wrapper):
    """Looks in the record first; asks once for requests that are the same at the same time.

    Those may come from several runs that share a recorder. ``run`` names what the calls are for.
    ``reuse`` False asks anew whatever is stored, and records that too.
    """

    def __init__(
        self,
        inner: Model,
        recorder: Recorder,
        *,
        run: str | None = None,
        reuse: bool = True,
    ) -> None:
        super().__init__(inner)
        self.recorder = recorder
        self.run = run
        self.reuse = reuse

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """From the record, from the same request under way, or from the model."""
        key = request.key(self.name)
        if not self.reuse:
            return await self._asked(request, key, ask)
        while True:
            if (found := await self._stored(key)) is not None:
                return found.model_copy(update={"cached": True})  # type: ignore[return-value]
            if (known := self.recorder.under_way.get(key)) is None:
                return await self._leading(request, key, ask)
            shared = await asyncio.shield(known.answer)
            if known.run == self.run and isinstance(shared, Exception):
                raise shared
            if isinstance(shared, Response) and (known.run == self.run or _status(shared) == "ok"):
                return shared.model_copy(update={"cached": True})  # type: ignore[return-value]
            # a failure or refusal of another run, or one that was called off: ask for oneself

    async def _leading(self, request: Request, key: str, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask, and let those who want the same have the answer too."""
        answer: asyncio.Future[Response | Exception | None]
        answer = asyncio.get_running_loop().create_future()
        self.recorder.under_way[key] = UnderWay(self.run, answer)
        came: Response | Exception | None = None
        try:
            came = found = await self._asked(request, key, ask)
        except Exception as error:
            came = error
            raise
        finally:
            del self.recorder.under_way[key]
            answer.set_result(came)
        return found

    async def _stored(self, key: str) -> Response | None:
        call = await self.recorder.find(key, self.run)
        return None if call is None else _RESPONSE.validate_python(call.response)

    async def _asked(self, request: Request, key: str, ask: Callable[[], Awaitable[R]]) -> R:
        started, began = _now(), time.perf_counter()
        try:
            answer = await ask()
        except ModelError as error:
            await self.recorder.save(self._failed(request, key, error, started, began))
            raise
        await self.recorder.save(self._answered(request, key, answer, started, began))
        return answer

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """Asked anew each time; the whole answer is recorded before it is given."""
        key, started, began = request.key(self.name), _now(), time.perf_counter()
        try:
            async for piece in self.inner.stream(request):
                if isinstance(piece, ChatResponse):
                    await self.recorder.save(self._answered(request, key, piece, started, began))
                yield piece
        except ModelError as error:
            await self.recorder.save(self._failed(request, key, error, started, began))
            raise

    def _answered(
        self, request: Request, key: str, answer: Response, started: str, began: float
    ) -> CallRecord:
        return CallRecord(
            id=uuid4().hex,
            key=key,
            run=self.run,
            role=request.role,
            model=self.name,
            prompt=request.prompt,
            request=request.model_dump(mode="json"),
            response=answer.model_dump(mode="json"),
            status=_status(answer),
            attempts=answer.attempts,
            started=started,
            finished=_now(),
            seconds=time.perf_counter() - began,
            input_tokens=answer.usage.input_tokens,
            cached_tokens=answer.usage.cached_tokens,
            output_tokens=answer.usage.output_tokens,
            usd=answer.usd,
        )

    def _failed(
        self, request: Request, key: str, error: ModelError, started: str, began: float
    ) -> CallRecord:
        return CallRecord(
            id=uuid4().hex,
            key=key,
            run=self.run,
            role=request.role,
            model=self.name,
            prompt=request.prompt,
            request=request.model_dump(mode="json"),
            status="failed",
            error=f"{error.code}: {error}",
            attempts=error.attempts,
            started=started,
            finished=_now(),
            seconds=time.perf_counter() - began,
            input_tokens=0,
            cached_tokens=0,
            output_tokens=0,
            usd=0.0,
        )


def _status(answer: Response) -> CallStatus:
    if isinstance(answer, ChatResponse):
        return {"refused": "refused", "length": "truncated"}.get(answer.finish, "ok")  # type: ignore[return-value]
    return "ok"


def _now() -> str:
    return datetime.now(UTC).isoformat()
