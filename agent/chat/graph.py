"""A conversation as a LangGraph graph: speak, weigh what is called, confirm, work, check.

``listen`` takes what the user said. ``speak`` asks the speaker; calls of tools are weighed, and
where one costs, ``confirm`` interrupts the graph until the user has decided; then they are run and
the speaker goes on, at most ``ROUNDS`` times. ``check`` holds every citation of the answer against
the record. The state is small JSON, so a conversation goes on after the process died.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from agent.chat.citations import Holds, cited, marked, missing
from agent.chat.speakers import Speaker
from agent.chat.tools import LEFT_OUT, Data, Toolbox, ToolRefused, bounded, cites, refusal
from core.results import Record
from llms.protocol import Message, ToolCall
from prompts import load

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import Runtime

VERSION = 1
"""Raised when the state changes so that older conversations cannot be gone on with."""
ROUNDS = 8
"""How often tools are run for one question, each time all that were called together."""
CALLS = 8
"""How many calls of one round are run."""
MOST_STEPS = 5 * ROUNDS + 20
_KEPT_OF_OLD_RESULTS = 600
_KEPT_CITES = 2000
_FREE, _COSTS = "free", "costs"
REPAIR = "chat-repair"


class Answer(Record):
    """What is answered to the user: ``cited`` all citations, ``missing`` those that do not exist.

    ``note`` says what the reader has to know of the text, if anything: cut off, refused.
    """

    text: str
    note: str = ""
    cited: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class State(TypedDict, total=False):
    """A conversation: ``messages``, ``plan``, ``asked`` and ``answer`` are JSON.

    ``said`` is what the user says now, ``asked_as`` what questions may be known by to those who
    asked them. ``plan`` tells for each call under way whether it is free, costs, or why it cannot
    be run; ``asked`` holds the estimates that wait for a decision and ``allowed`` the decision.
    ``known`` are the citations that tools returned; ``draft`` is the place of an answer that is
    being repaired, or -1.
    """

    version: int
    said: str
    asked_as: list[str]
    messages: list[str]
    known: list[str]
    rounds: int
    draft: int
    plan: str
    asked: str
    allowed: bool
    note: str
    answer: str
    then: str


@dataclass
class Room:
    """What the nodes need and no checkpoint holds. ``streams``: pieces of text are told."""

    speaker: Speaker
    tools: Toolbox
    holds: Holds
    streams: bool = False


def build(checkpointer: BaseCheckpointSaver[Any]) -> CompiledStateGraph[State, Room, State, State]:
    """The graph, compiled."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State, context_schema=Room)
    graph.add_node("listen", _listen)
    graph.add_node("speak", _speak)
    graph.add_node("weigh", _weigh)
    graph.add_node("confirm", _confirm)
    graph.add_node("work", _work)
    graph.add_node("check", _check)
    graph.add_edge(START, "listen")
    graph.add_edge("listen", "speak")
    graph.add_conditional_edges("speak", _then, ["weigh", "check"])
    graph.add_conditional_edges("weigh", _then, ["confirm", "work"])
    graph.add_edge("confirm", "work")
    graph.add_edge("work", "speak")
    graph.add_conditional_edges("check", _then, {"speak": "speak", "": END})
    return graph.compile(checkpointer=checkpointer)


def read_messages(state: State) -> list[Message]:
    """The conversation so far."""
    return [Message.model_validate_json(text) for text in state.get("messages", [])]


def without_draft(state: State) -> list[Message]:
    """The conversation so far, without an answer that is, or was to be, repaired."""
    messages, draft = read_messages(state), state.get("draft", -1)
    return messages if draft < 0 else messages[:draft]


async def _listen(state: State) -> State:
    messages = [_shortened(m) for m in _settled(without_draft(state))]
    messages.append(Message(role="user", text=state["said"]))
    return State(
        version=VERSION,
        messages=_written(messages),
        known=state.get("known", [])[-_KEPT_CITES:],
        rounds=0,
        draft=-1,
        plan="",
        asked="",
        allowed=False,
        note="",
        answer="",
    )


async def _speak(state: State, runtime: Runtime[Room]) -> State:
    room, messages = runtime.context, read_messages(state)
    hear = (
        (lambda text: runtime.stream_writer({"kind": "piece", "text": text}))
        if (room.streams)
        else None
    )
    spoken = await room.speaker.say(messages, room.tools.offered(), hear)
    if spoken.calls and state["rounds"] < ROUNDS:
        said = Message(role="assistant", text=spoken.text, calls=_named_apart(spoken.calls))
        return State(messages=_written([*messages, said]), then="weigh")
    text, note = spoken.text, spoken.note
    if spoken.calls:
        note = f"it wanted to go on after {ROUNDS} rounds of tools"
        text = text or "No answer was found within the rounds that are allowed."
    said = Message(role="assistant", text=text or "(nothing was said)")
    return State(messages=_written([*messages, said]), note=note, then="check")


async def _weigh(state: State, runtime: Runtime[Room]) -> State:
    calls, tools = read_messages(state)[-1].calls, runtime.context.tools
    plan: dict[str, Any] = {}
    asked: list[Data] = []
    for number, call in enumerate(calls):
        try:
            if number >= CALLS:
                raise ToolRefused("too_many_calls", f"only {CALLS} calls are run at once")
            estimate = await asyncio.to_thread(tools.weigh, call)
        except ToolRefused as error:
            plan[call.id] = refusal(error.code, error.message)
            continue
        plan[call.id] = _FREE if estimate is None else _COSTS
        if estimate is not None:
            told = estimate.model_dump(mode="json")
            asked.append({"tool": call.name, "arguments": call.arguments, **told})
    return State(
        plan=json.dumps(plan),
        asked=json.dumps(asked) if asked else "",
        allowed=False,
        then="confirm" if asked else "work",
    )


async def _confirm(state: State) -> State:
    """Waits for the user: nothing but a resumed interrupt leads on from here."""
    from langgraph.types import interrupt

    return State(allowed=interrupt(json.loads(state["asked"])) is True, asked="")


async def _work(state: State, runtime: Runtime[Room]) -> State:
    messages, plan = read_messages(state), json.loads(state["plan"])
    known = list(state["known"])
    results = []
    for call in messages[-1].calls:
        refused = _refused(plan[call.id], state["allowed"])
        if refused is None:
            runtime.stream_writer({"kind": "call", "tool": call.name, "arguments": call.arguments})
        data = refused or await _found(call, runtime.context.tools)
        known += [one for one in cites(data) if one not in known]
        results.append(Message(role="tool", text=bounded(data), call_id=call.id))
        error = data.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        runtime.stream_writer({"kind": "result", "tool": call.name, "error": code})
    return State(
        messages=_written([*messages, *results]), known=known, rounds=state["rounds"] + 1, plan=""
    )


def _refused(planned: Any, allowed: bool) -> Data | None:
    """Why a call is not run, None where it is."""
    if isinstance(planned, dict):
        return planned
    if planned != _FREE and not allowed:
        return refusal("declined", "the user does not want this to be run")
    return None


async def _found(call: ToolCall, tools: Toolbox) -> Data:
    try:
        return await asyncio.to_thread(tools.run, call)
    except ToolRefused as error:
        return refusal(error.code, error.message)


async def _check(state: State, runtime: Runtime[Room]) -> State:
    room, messages = runtime.context, read_messages(state)
    text, draft = messages[-1].text, state["draft"]
    absent = await asyncio.to_thread(missing, text, set(state["known"]), room.holds)
    if absent and draft < 0 and room.speaker.repairs:
        listed = ", ".join(f"[{one}]" for one in absent)
        (turn,) = load(REPAIR).render({"missing": listed})
        asked = [*messages, Message(role="user", text=turn.text)]
        return State(messages=_written(asked), draft=len(messages) - 1, then="speak")
    text = marked(text, absent)
    if draft >= 0:  # the draft and the request to repair it are not part of the conversation
        messages = [*messages[:draft], *messages[draft + 2 :]]
    messages[-1] = Message(role="assistant", text=text)
    answer = Answer(text=text, note=state["note"], cited=tuple(cited(text)), missing=tuple(absent))
    return State(
        messages=_written(messages), answer=answer.model_dump_json(), draft=-1, said="", then=""
    )


def _then(state: State) -> str:
    return state["then"]


def _written(messages: list[Message]) -> list[str]:
    return [m.model_dump_json() for m in messages]


def _named_apart(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """Calls under ids of their own, which not every server sees to."""
    seen: set[str] = set()
    found = []
    for number, call in enumerate(calls):
        id = call.id if call.id and call.id not in seen else f"{call.id or 'call'}-{number}"
        seen.add(id)
        found.append(call.model_copy(update={"id": id}))
    return tuple(found)


def _settled(messages: list[Message]) -> list[Message]:
    """Calls that were never run, because a process ended or a model failed, are told as such."""
    answered = {m.call_id for m in messages if m.role == "tool"}
    settled = []
    for message in messages:
        settled.append(message)
        for call in message.calls:
            if call.id not in answered:
                text = bounded(refusal("interrupted", "this was not run"))
                settled.append(Message(role="tool", text=text, call_id=call.id))
    return settled


def _shortened(message: Message) -> Message:
    """Long results of earlier questions make room."""
    if message.role != "tool" or len(message.text) <= _KEPT_OF_OLD_RESULTS:
        return message
    left = refusal(LEFT_OUT, "an earlier result: call the tool again if it is needed")
    return message.model_copy(update={"text": bounded(left)})
