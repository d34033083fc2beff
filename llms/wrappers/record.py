"""The record of every call, which is also the cache: what was answered once is not paid again.

An answer is given to the caller after it is stored, so a killed run finds all it was given. Whole
answers serve every later run; refusals and answers that were cut off only the run that got them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from pydantic import TypeAdapter

from core.errors import ModelError
from llms.protocol import AnyResponse, ChatResponse, Model, Request, Response
from llms.wrappers.base import R, Wrapper
from storage.calls import CallRecord, CallStatus

_RESPONSE: TypeAdapter[Response] = TypeAdapter(AnyResponse)


class Ledger(Protocol):
    """Where calls are kept: :class:`storage.Store` is one. Called from other threads."""

    def find_answer(self, key: str, run: str | None) -> CallRecord | None:
        """The stored call whose answer may be used again."""
        ...

    def save_calls(self, calls: list[CallRecord]) -> None:
        """Keep calls, all or none."""
        ...


class Recorder:
    """Writes calls to a ledger, those that wait together in one transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._waiting: list[tuple[CallRecord, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def save(self, call: CallRecord) -> None:
        """Returns when the call is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        # Shielded: a caller who is cancelled has still paid for the answer.
        await asyncio.shield(done)

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self.ledger.save_calls, [call for call, _ in batch])
            except Exception as error:  # every caller learns that nothing was kept
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)


class Record(Wrapper):
    """Looks in the record first; asks once for requests that are the same at the same time.

    ``run`` names what the calls are for. ``reuse`` False asks anew whatever is stored, and records
    that too.
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
        self._under_way: dict[str, asyncio.Future[Response]] = {}

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """From the record, from the same request under way, or from the model."""
        key = request.key(self.name)
        if self.reuse and (found := await self._stored(key)) is not None:
            return found.model_copy(update={"cached": True})  # type: ignore[return-value]
        if self.reuse and key in self._under_way:
            shared = await asyncio.shield(self._under_way[key])
            return shared.model_copy(update={"cached": True})  # type: ignore[return-value]
        asked: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._under_way[key] = asked
        try:
            answer = await self._asked(request, key, ask)
        except BaseException as error:
            asked.set_exception(error)
            asked.exception()  # seen, even if nobody shares it
            raise
        else:
            asked.set_result(answer)
            return answer
        finally:
            del self._under_way[key]

    async def _stored(self, key: str) -> Response | None:
        call = await asyncio.to_thread(self.recorder.ledger.find_answer, key, self.run)
        return None if call is None else _RESPONSE.validate_python(call.response)

    async def _asked(self, request: Request, key: str, ask: Callable[[], Awaitable[R]]) -> R:
        started, began = _now(), time.perf_counter()
        try:
            answer = await ask()
        except ModelError as error:
            await self.recorder.save(self._failed(request, key, error, started, began))
            raise
        await self.recorder.save(
            CallRecord(
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
        )
        return answer

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
