"""Conversations from the outside: list them, or hold one question and answer at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neuroscribe.models import PATTERN, ModelChoice, Spending
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from agent.chat.session import Chat, Turn
    from neuroscribe.chatting.work import Launch
    from storage.conversations import ConversationRecord

Told = Callable[[dict[str, Any]], None]
_YES = ("y", "yes")
_NO = ("n", "no")


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """Who speaks, who explains and simulates, on which text, and what it all may cost."""

    model: str = PATTERN
    models: ModelChoice = field(default_factory=ModelChoice)
    corpus: CorpusChoice = field(default_factory=CorpusChoice)
    spending: Spending = field(default_factory=Spending)


@dataclass(slots=True)
class Conversation:
    """An open conversation. Each call blocks until there is an answer, or something to decide."""

    thread: str
    _chat: Chat
    _runner: asyncio.Runner

    def say(self, text: str, told: Told | None = None) -> Turn:
        """Answer; where something waits for a decision, plain yes and no are that decision."""
        word = text.strip().lower().rstrip(".!")
        if word in (*_YES, *_NO) and self.standing().waiting:
            return self.decide(word in _YES, told)
        return self._runner.run(self._chat.say(self.thread, text, told))

    def decide(self, allowed: bool, told: Told | None = None) -> Turn:
        """Allow or decline what waits."""
        return self._runner.run(self._chat.decide(self.thread, allowed, told))

    def standing(self) -> Turn:
        """What was answered last, or what waits; nothing is done."""
        return self._runner.run(self._chat.standing(self.thread))

    def go_on(self, told: Told | None = None) -> Turn:
        """Finish a question that was cut short; :class:`InvalidSetting` for an unknown thread."""
        return self._runner.run(self._chat.go_on(self.thread, told))


@contextmanager
def conversation(
    workspace: Workspace,
    choice: ChatChoice,
    thread: str | None = None,
    *,
    streams: bool = False,
    begin: Launch | None = None,
) -> Iterator[Conversation]:
    """A new conversation, or the one named ``thread``; raises what ``open_chat`` does."""
    from agent.chat.session import Chat

    name = thread or Chat.new_thread()
    with asyncio.Runner() as runner:
        opened = _opened(workspace, choice, name, streams, begin)
        chat = runner.run(opened.__aenter__())
        try:
            yield Conversation(name, chat, runner)
        finally:
            runner.run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def _opened(
    workspace: Workspace, choice: ChatChoice, thread: str, streams: bool, begin: Launch | None
) -> AsyncIterator[Chat]:
    from agent.checkpoints import checkpoints
    from llms.budget import Budget
    from neuroscribe.chatting.desk import Desk
    from neuroscribe.chatting.opening import check_speaker, open_chat
    from neuroscribe.chatting.work import LaunchedJobs, launch

    choice.models.check(workspace.settings)
    check_speaker(choice.model, workspace.settings)
    spending = choice.spending
    budget = Budget(spending.usd, spending.calls, spending.tokens)
    desk = Desk(workspace, choice.models, choice.corpus, spending, budget)
    workspace.home.mkdir(parents=True, exist_ok=True)
    make = LaunchedJobs(begin or launch)
    with workspace.store() as store:
        async with (
            checkpoints(workspace.settings.checkpoints) as kept,
            open_chat(
                desk, kept, store, choice.model, make, thread=thread, streams=streams
            ) as chat,
        ):
            yield chat


def list_threads(workspace: Workspace, limit: int = 50) -> list[ConversationRecord]:
    """The conversations that are kept, the one that was last spoken in first."""
    with workspace.store() as store:
        return store.conversations.all("", limit)
