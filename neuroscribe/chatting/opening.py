"""Opens a chat: who speaks, which tools there are, and what it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from agent.chat.graph import Room
from agent.chat.planner import Planner
from agent.chat.session import Chat, Standing
from agent.chat.speakers import ModelSpeaker, Speaker
from agent.chat.tools import ChatTool, Toolbox
from core.errors import UnsupportedRequest
from core.ids import UnitId
from core.results import Record
from core.settings import Settings
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.pairs import pair_tools
from neuroscribe.chatting.text import text_tools
from neuroscribe.chatting.units import unit_tools
from neuroscribe.chatting.work import JobMaker, Sweep, job_tools
from neuroscribe.models import PATTERN, options_of
from neuroscribe.sweeping import site_of
from storage.conversations import SpeakerChoice

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from storage import Store

T = TypeVar("T")


def toolbox(desk: Desk, make: JobMaker) -> Toolbox:
    """Every tool of the chat."""
    tools = [*unit_tools(desk), *text_tools(desk), *pair_tools(desk), *job_tools(desk, make)]
    return Toolbox(_holding(desk, tool) for tool in tools)


def _holding(desk: Desk, tool: ChatTool) -> ChatTool:
    """The tool; subjects that its arguments name stay loaded while it is weighed and run."""

    def held(work: Callable[[Any], T]) -> Callable[[Any], T]:
        def run(given: Record) -> T:
            with ExitStack() as stack:
                for name in sorted(_subjects(given)):
                    stack.enter_context(desk.workspace.holding.using(name))
                return work(given)

        return run

    return replace(tool, run=held(tool.run), cost=held(tool.cost))


def _subjects(given: Record) -> set[str]:
    """The subjects of the units and the site that arguments name."""
    values = [getattr(given, name) for name in type(given).model_fields]
    named = {value.subject for value in values if isinstance(value, UnitId)}
    if isinstance(given, Sweep):
        named.add(site_of(given.site)[0])
    return named


@dataclass(slots=True)
class KeptBook:
    """An :class:`agent.chat.session.Book` in the store: also what the desk's budget was spent on.

    What it gave away to jobs is not counted: they have accounts of their own. Calls that are still
    open, because an answer was cut short, count with their worst case.
    """

    store: Store
    owner: str
    desk: Desk
    choice: SpeakerChoice
    _before: tuple[float, int] = field(default=(0.0, 0))

    def begin(self, thread: str, question: str | None) -> None:
        """Note that it is worked at."""
        self._before = self._spent()
        self.store.conversations.begin(thread, self.owner, question, self.choice)

    def end(self, thread: str, state: Standing) -> None:
        """Note how it stands and what it took."""
        (usd, calls), (usd_before, calls_before) = self._spent(), self._before
        self._before = usd, calls
        self.store.conversations.end(
            thread, self.owner, state, max(0.0, usd - usd_before), max(0, calls - calls_before)
        )

    def _spent(self) -> tuple[float, int]:
        budget = self.desk.budget
        usd = budget.spent_usd + budget.open_usd - self.desk.aside_usd
        return usd, budget.spent_calls + budget.open_calls - self.desk.aside_calls


@asynccontextmanager
async def open_chat(
    desk: Desk,
    kept: BaseCheckpointSaver[Any],
    store: Store,
    model: str,
    make: JobMaker,
    *,
    thread: str,
    owner: str = "",
    streams: bool = False,
) -> AsyncIterator[Chat]:
    """A chat with ``model`` (``pattern``: the built-in planner), conversations being in ``kept``.

    The talk and what its tools ask of models are paid from the desk's budget; ``make`` begins
    sweeps. Raises what opening a model raises, :class:`UnsupportedRequest` for one without tool
    calls.
    """
    settings = desk.workspace.settings
    check_speaker(model, settings)
    models = desk.models
    choice = SpeakerChoice(model=model, explainer=models.explainer, simulator=models.simulator)
    tools, book = toolbox(desk, make), KeptBook(store, owner, desk, choice)
    if model == PATTERN:
        yield Chat(kept, Room(Planner(), tools, desk.holds, streams), owner, book)
        return
    from llms.open import open_model
    from llms.wrappers.record import Recorder

    run = f"chat/{owner}/{thread}" if owner else f"chat/{thread}"
    opened = open_model(
        model, Recorder(store), desk.budget, options_of(settings, desk.spending, run=run)
    )
    try:
        speaker: Speaker = ModelSpeaker(opened, streams=streams)
        yield Chat(kept, Room(speaker, tools, desk.holds, streams), owner, book)
    finally:
        await opened.close()


def check_speaker(model: str, settings: Settings) -> None:
    """Refuse a model that cannot call tools before it is opened, which may take a GPU's memory.

    :class:`UnknownModel` for a name that is none, :class:`UnsupportedRequest`.
    """
    if model == PATTERN:
        return
    from llms.capabilities import capabilities_of
    from llms.names import ModelName

    if "tools" not in capabilities_of(ModelName.parse(model), settings.llm_capabilities):
        raise UnsupportedRequest(
            f"{model!r} is declared without tool calls",
            "choose another --model, or override NEUROSCRIBE_LLM_CAPABILITIES",
        )
