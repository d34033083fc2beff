"""The chat's pages: conversations as they are read, with what they cite as links."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from core.ids import SEGMENT
from core.results import Record
from service.conversations import ConversationLine, ConversationShown, SaidShown
from service.pages.served import page

EXAMPLES = (
    "explain demo/mlp.2/163",
    "why?",
    "run 'the cat sat on the mat' on it",
    "what happens if I ablate it?",
    "compare demo/mlp.2/163 and demo/mlp.2/7",
    "explain the layer demo/mlp.2 (units 0-9)",
    "help",
)
STATES = {
    "working": "at work",
    "answered": "answered",
    "waiting": "waits for you",
    "interrupted": "cut short",
}
# A name is looked for at the beginning of its characters only: from each of them on it would take
# a time that grows with the square of a text that people choose.
_LINKED = re.compile(
    r"\[(?P<kind>run|job|explanation|score|experiment) "
    r"(?P<id>[A-Za-z0-9_-]+)(?P<rest>/[^\]\s]*)?\]"
    rf"|(?<![\w/.@-])(?P<unit>{SEGMENT}/{SEGMENT}/\d+)(?![\w/])"
)
_PLACES = {
    "run": "/runs/{}",
    "experiment": "/runs/{}",
    "explanation": "/explanations/{}",
    "score": "/explanations/{}",
    "job": "/jobs/{}",
}
_LONGEST_RESULT = 6_000


class Part(Record):
    """Some text, and where it leads."""

    text: str
    href: str | None = None
    cites: bool = False


def lines_of(text: str) -> list[list[Part]]:
    """A text line by line, each in parts: names of units and citations lead to their pages."""
    return [_parts(line) for line in text.split("\n")]


def _parts(line: str) -> list[Part]:
    found, at = [], 0
    for match in _LINKED.finditer(line):
        if match.start() > at:
            found.append(Part(text=line[at : match.start()]))
        if match["unit"]:
            found.append(Part(text=match[0], href=f"/units/{match['unit']}"))
        else:
            href = _PLACES[match["kind"]].format(match["id"])
            found.append(Part(text=match[0], href=href, cites=True))
        at = match.end()
    if at < len(line):
        found.append(Part(text=line[at:]))
    return found


def chats_page(
    conversations: Sequence[ConversationLine],
    models: Sequence[str],
    *,
    say: str = "",
    fault: str = "",
) -> str:
    """What can be asked, and what was."""
    return page(
        "chats.html.j2",
        conversations=conversations,
        states=STATES,
        examples=EXAMPLES,
        models=models,
        model=models[0],
        say=say,
        fault=fault,
    )


def chat_page(
    shown: ConversationShown, models: Sequence[str], *, say: str = "", fault: str = ""
) -> str:
    """One conversation."""
    return page(
        "chat.html.j2",
        chat=shown,
        said=[_row(one) for one in shown.said],
        states=STATES,
        models=models,
        model=shown.model,
        say=say,
        fault=fault,
    )


def _row(said: SaidShown) -> dict[str, Any]:
    if said.role != "tool":
        return {"role": said.role, "lines": lines_of(said.text)}
    told = ", ".join(f"{k}={v}" for k, v in said.arguments.items() if v is not None)
    return {
        "role": "tool",
        "tool": said.tool,
        "arguments": told,
        "error": said.error,
        "result": _spread(said.text).split("\n") if said.text else [],
    }


def _spread(text: str) -> str:
    """JSON on many lines, its end left out where it is long."""
    spread = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    return spread if len(spread) <= _LONGEST_RESULT else spread[:_LONGEST_RESULT] + "\n…"
