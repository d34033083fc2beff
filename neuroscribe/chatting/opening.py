"""Opens a chat: who speaks, which tools there are, and where conversations are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.chat.graph import Room
from agent.chat.planner import Planner
from agent.chat.session import Chat
from agent.chat.speakers import ModelSpeaker, Speaker
from agent.chat.tools import Toolbox
from agent.checkpoints import checkpoints
from core.errors import UnsupportedRequest
from core.settings import Settings
from llms.budget import Budget
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.pairs import pair_tools
from neuroscribe.chatting.text import text_tools
from neuroscribe.chatting.units import unit_tools
from neuroscribe.chatting.work import Launch, job_tools, launch
from neuroscribe.models import PATTERN, ModelChoice, Spending, options_of
from neuroscribe.workspace import CorpusChoice, Workspace


def toolbox(desk: Desk, begin: Launch = launch) -> Toolbox:
    """Every tool of the chat."""
    return Toolbox(
        [*unit_tools(desk), *text_tools(desk), *pair_tools(desk), *job_tools(desk, begin)]
    )


@asynccontextmanager
async def open_chat(
    workspace: Workspace,
    model: str,
    models: ModelChoice,
    corpus: CorpusChoice,
    spending: Spending,
    *,
    thread: str,
    streams: bool = False,
    begin: Launch = launch,
) -> AsyncIterator[Chat]:
    """A chat with ``model`` (``pattern``: the built-in planner), which it all belongs to.

    ``models`` explain and simulate; their calls and the talk are paid from one budget. ``begin``
    works on jobs. Raises what opening a model raises, :class:`UnsupportedRequest` for one without
    tool calls, :class:`core.errors.StorageError`.
    """
    models.check(workspace.settings)
    if model != PATTERN:
        _check(model, workspace.settings)
    budget = Budget(spending.usd, spending.calls, spending.tokens)
    desk = Desk(workspace, models, corpus, spending, budget)
    tools = toolbox(desk, begin)
    workspace.home.mkdir(parents=True, exist_ok=True)
    async with checkpoints(workspace.settings.checkpoints) as kept:
        if model == PATTERN:
            yield Chat(kept, Room(Planner(), tools, desk.holds, streams))
            return
        from llms.open import open_model
        from llms.wrappers.record import Recorder

        with workspace.store() as store:
            options = options_of(workspace.settings, spending, run=f"chat/{thread}")
            opened = open_model(model, Recorder(store), budget, options)
            try:
                speaker: Speaker = ModelSpeaker(opened, streams=streams)
                yield Chat(kept, Room(speaker, tools, desk.holds, streams))
            finally:
                await opened.close()


def _check(model: str, settings: Settings) -> None:
    """Refuse a model that cannot call tools before it is opened, which may take a GPU's memory."""
    from llms.capabilities import capabilities_of
    from llms.names import ModelName

    if "tools" not in capabilities_of(ModelName.parse(model), settings.llm_capabilities):
        raise UnsupportedRequest(
            f"{model!r} is declared without tool calls",
            "choose another --model, or override NEUROSCRIBE_LLM_CAPABILITIES",
        )
