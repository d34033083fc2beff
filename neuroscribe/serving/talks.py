"""Conversations of the service: each answer is a task that goes on when nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.chat.graph import Room
from agent.chat.planner import Planner
from agent.chat.session import Chat, Told, Turn
from agent.chat.tools import Toolbox
from agent.checkpoints import checkpoints
from core.errors import JobState, NeuroscribeError, NotStored
from core.hashing import fingerprint
from llms.budget import Budget
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.opening import check_speaker, open_chat
from neuroscribe.models import PATTERN, ModelChoice, Spending
from neuroscribe.serving.allowances import Allowances, Purse
from neuroscribe.serving.answering import Answering, Answers
from neuroscribe.serving.asking import allowed_models, models_of
from neuroscribe.serving.talk_work import Explain, WorkForTalks
from neuroscribe.workspace import CorpusChoice, Workspace
from service.auth import ANYBODY, Caller
from service.bodies import Spend
from service.conversations import (
    Begun,
    ChatBody,
    ChatEvent,
    ConversationLine,
    ConversationShown,
    DecideBody,
    SaidShown,
    TalkState,
    Voice,
    WaitingCall,
)
from service.problems import ServiceError
from storage.conversations import ConversationRecord, SpeakerChoice

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from storage import Store

BEGINNING_SECONDS = 0.02
log = logging.getLogger(__name__)
Work = Callable[[Chat, Told], Awaitable[Turn]]


@dataclass(slots=True)
class LocalTalks:
    """:class:`service.conversations.Talks` over one workspace, with what was said in its store."""

    workspace: Workspace
    store: Store
    corpus: CorpusChoice
    allowances: Allowances
    explain: Explain
    wake: Callable[[], None]
    _answers: Answers = field(default_factory=Answers)

    def models(self) -> Sequence[str]:
        """Those of the allow-list."""
        return allowed_models(self.workspace.settings)

    async def close(self, seconds: float) -> None:
        """Wait for the answers that are under way; what takes longer is gone on with later."""
        await self._answers.close(seconds)

    # reading

    async def all(self, caller: Caller, limit: int) -> list[ConversationLine]:
        """The caller's conversations."""
        owner = _owner(caller)
        found = await asyncio.to_thread(self.store.conversations.all, owner, limit)
        return [ConversationLine(**self._line(record)) for record in found]

    async def one(self, thread: str, caller: Caller) -> ConversationShown:
        """A conversation as it stands."""
        record = await self._record(thread, caller)
        # Looked at before what was said is read: an answer that ends meanwhile is one to follow.
        answering = self._answers.of((record.owner, thread))
        under_way = answering is not None and not answering.ended
        async with self._reader(record.owner) as chat:
            said, turn = await chat.said(thread), await chat.standing(thread)
        line = self._line(record) | {"state": "working" if under_way else turn.state}
        return ConversationShown(
            **line,
            said=[SaidShown.model_validate(one.model_dump()) for one in said],
            waiting=[WaitingCall.model_validate(one.model_dump()) for one in turn.waiting],
            note=turn.answer.note if turn.answer else "",
            missing=turn.answer.missing if turn.answer else (),
            problem=answering.problem if answering is not None else "",
            turn=answering.id if answering is not None and under_way else None,
        )

    async def heard(
        self, thread: str, caller: Caller, turn: str, after: int, seconds: float
    ) -> Sequence[ChatEvent] | None:
        """Events of an answering that is under way, or was a little while ago."""
        answering = self._answers.of((_owner(caller), thread))
        if answering is None or answering.id != turn:
            return None
        if answering.ended and after >= len(answering.events):
            return None  # nothing follows: who asks again would be answered at once, for ever
        return await answering.after(after, seconds)

    # answering

    async def say(self, body: ChatBody, caller: Caller, key: str | None) -> Begun:
        """Begin to answer."""
        owner = _owner(caller)
        thread, same, named = body.thread or Chat.new_thread(), "", ""
        if key is not None:
            same = fingerprint(["chat/1", owner, key])
            thread = body.thread or same[:12]
            asked = body.model_dump(mode="json", exclude={"stream", "wait"})
            named = f"{same}/{fingerprint(asked)}"
        async with self._answers.turn((owner, thread)):
            if key is not None and await self._known(thread, owner, same, named):
                answering = self._answers.of((owner, thread))
                again = answering is not None and answering.asked_as == named
                return Begun(thread=thread, turn=answering.id if answering and again else None)
            return await self._begin(
                thread,
                caller,
                body,
                lambda chat, told: chat.say(thread, body.text, told, asked_as=named),
                named,
            )

    async def decide(self, thread: str, body: DecideBody, caller: Caller) -> Begun:
        """Go on with what waits, or without it."""
        async with self._answers.turn((_owner(caller), thread)):
            await self._stands(thread, caller, "waiting", "nothing waits for a decision")
            return await self._begin(
                thread, caller, body, lambda chat, told: chat.decide(thread, body.allow, told)
            )

    async def go_on(self, thread: str, voice: Voice, caller: Caller) -> Begun:
        """Finish what was cut short."""
        async with self._answers.turn((_owner(caller), thread)):
            await self._stands(thread, caller, "interrupted", "nothing was cut short")
            return await self._begin(
                thread, caller, voice, lambda chat, told: chat.go_on(thread, told)
            )

    async def stop(self, thread: str, caller: Caller) -> None:
        """Cut short what is under way; jobs that it began go on."""
        name = _owner(caller), thread
        async with self._answers.turn(name):
            await self._record(thread, caller)
            if (answering := self._answers.under_way(name)) is not None:
                await answering.stop()

    async def forget(self, thread: str, caller: Caller) -> None:
        """Stop, and keep nothing but what it cost."""
        name = owner, _ = _owner(caller), thread
        async with self._answers.turn(name):
            await self._record(thread, caller)
            if (answering := self._answers.under_way(name)) is not None:
                await answering.stop()
            async with self._reader(owner) as chat:
                await chat.forget(thread)
            await asyncio.to_thread(self.store.conversations.forget, thread, owner)
            self._answers.drop(name)

    async def _begin(
        self, thread: str, caller: Caller, voice: Voice, work: Work, asked_as: str = ""
    ) -> Begun:
        """Whoever calls this holds the conversation's turn."""
        name = _owner(caller), thread
        self._answers.check(name)
        answering = Answering(asked_as, Budget(voice.budget_usd, voice.max_calls))
        record = await asyncio.to_thread(self.store.conversations.get, thread, name[0])
        choice = _choice(voice, record)
        models = self._models(choice)
        self._answers.put(name, answering)
        try:
            purse = None
            if choice.model != PATTERN or models.asked:
                purse = await asyncio.to_thread(self.allowances.open, caller, answering.budget)
        except BaseException:
            self._answers.drop(name)
            raise
        opening = self._opened(thread, caller, choice, models, purse, answering)
        answering.start(_answer(answering, opening, work))
        if purse is not None and answering.task is not None:
            answering.task.add_done_callback(lambda _: self.allowances.close(purse))
        return Begun(thread=thread, turn=answering.id)

    @asynccontextmanager
    async def _opened(
        self,
        thread: str,
        caller: Caller,
        choice: SpeakerChoice,
        models: ModelChoice,
        purse: Purse | None,
        answering: Answering,
    ) -> AsyncIterator[Chat]:
        loop = asyncio.get_running_loop()
        work = WorkForTalks(
            self.workspace,
            self.store,
            caller,
            self.explain,
            self.wake,
            loop,
            answering,
            self.allowances,
            purse,
        )
        budget = answering.budget
        spending = Spending(budget.usd, budget.calls)
        desk = Desk(self.workspace, models, self.corpus, spending, budget, collects=False)
        desk.investigate = partial(work.investigate, desk)
        async with (
            self._kept() as kept,
            open_chat(
                desk,
                kept,
                self.store,
                choice.model,
                work.make,
                thread=thread,
                owner=_owner(caller),
                streams=True,
            ) as chat,
        ):
            yield chat

    def _kept(self) -> AbstractAsyncContextManager[BaseCheckpointSaver[Any]]:
        """Checkpoints. Each holds all that was said: a history would grow with its square."""
        return checkpoints(self.workspace.settings.checkpoints, only_newest=True)

    @asynccontextmanager
    async def _reader(self, owner: str) -> AsyncIterator[Chat]:
        async with self._kept() as kept:
            yield Chat(kept, Room(Planner(), Toolbox([]), lambda kind, id: False), owner)

    def _models(self, choice: SpeakerChoice) -> ModelChoice:
        settings = self.workspace.settings
        models_of(settings, Spend(explainer=choice.model))  # may it be named at all
        check_speaker(choice.model, settings)
        found = models_of(settings, Spend(explainer=choice.explainer, simulator=choice.simulator))
        found.check(settings)
        return found

    async def _record(self, thread: str, caller: Caller) -> ConversationRecord:
        owner = _owner(caller)
        while True:
            answering = self._answers.under_way((owner, thread))
            found = await asyncio.to_thread(self.store.conversations.get, thread, owner)
            if found is not None:
                return found
            if answering is None:
                raise NotStored(f"there is no conversation {thread!r}", "GET /v1/chat names yours")
            await asyncio.sleep(BEGINNING_SECONDS)  # its first answer is just being begun

    async def _stands(self, thread: str, caller: Caller, state: TalkState, otherwise: str) -> None:
        shown = await self.one(thread, caller)
        if shown.state not in (state, "working"):  # that it is busy is told where it begins
            raise JobState(f"{otherwise} in conversation {thread!r}", "say something")

    async def _known(self, thread: str, owner: str, same: str, named: str) -> bool:
        """Whether this very question was asked; raises where its key was sent with another."""
        answering = self._answers.of((owner, thread))
        async with self._reader(owner) as chat:
            before = (await chat.standing(thread)).asked_as
        if answering is not None and answering.asked_as:
            before = (*before, answering.asked_as)
        if any(n.startswith(f"{same}/") and n != named for n in before):
            raise ServiceError(
                422,
                "idempotency_key_reused",
                "this Idempotency-Key was sent with another body",
                "send a new key with a new question",
            )
        return named in before

    def _line(self, record: ConversationRecord) -> dict[str, Any]:
        state: TalkState = record.state
        if self._answers.under_way((record.owner, record.thread)) is not None:
            state = "working"
        elif state == "working":
            state = "interrupted"
        return {
            "thread": record.thread,
            "title": record.title,
            "questions": record.questions,
            "state": state,
            "updated": record.updated,
            "model": record.choice.model,
            "usd": record.usd,
            "calls": record.calls,
        }


async def _answer(answering: Answering, opening: Any, work: Work) -> None:
    """Do the work and tell of it, and of its end unless it is stopped."""

    def told(event: dict[str, Any]) -> None:
        answering.happen(event["kind"], {k: v for k, v in event.items() if k != "kind"})

    ended: dict[str, Any] = {"state": "interrupted"}
    try:
        async with opening as chat:
            turn = await work(chat, told)
        ended = turn.model_dump(mode="json", include={"state", "answer", "waiting"})
    except NeuroscribeError as error:
        ended["problem"] = {"code": error.code, "detail": error.message, "hint": error.hint}
    except Exception:
        log.exception("an answer of the chat failed")
        ended["problem"] = {
            "code": "internal",
            "detail": "something went wrong that was not foreseen",
            "hint": "",
        }
    answering.happen("end", ended)


def _owner(caller: Caller) -> str:
    return "" if caller.name == ANYBODY.name else caller.name


def _choice(voice: Voice, record: ConversationRecord | None) -> SpeakerChoice:
    """The models that are named, else those of before."""
    named = voice.model_dump(include={"model", "explainer", "simulator"}, exclude_none=True)
    known = SpeakerChoice() if record is None else record.choice
    return known.model_copy(update=named)
