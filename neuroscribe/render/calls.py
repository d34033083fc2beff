"""Calls to language models, for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

if TYPE_CHECKING:
    from storage.calls import CallRecord, Spent, Totals

SHOWN_ID = 10


def calls_view(calls: Sequence[CallRecord], spent: Spent) -> RenderableType:
    """A line a call, and the totals by role."""
    rows = [_row("id", "time", "prompt", "status", "tries", "in", "out", "usd", "model")]
    for call in calls:
        rows.append(
            _row(
                call.id[:SHOWN_ID],
                call.started[11:19],
                (call.prompt or call.role).split("/")[0].removeprefix("simulate-"),
                call.status if call.error is None else call.error.split(":")[0],
                str(call.attempts),
                str(call.input_tokens),
                str(call.output_tokens),
                "?" if call.usd is None else f"{call.usd:.4f}",
                _printable(call.model),
            )
        )
    lines = [_total("all", spent), *(_total(r, t) for r, t in sorted(spent.by_role.items()))]
    return Group(*rows, Text(), *lines)


def _row(*cells: str) -> Text:
    """One line: the model comes last, because its name may be long."""
    id, time, prompt, status, tries, sent, got, usd, model = cells
    line = (
        f"{id:<11}{time:<9}{prompt:<15.14}{status:<13.12}"
        f"{tries:>5}{sent:>6}{got:>5}{usd:>7} {model}"
    )
    return Text(line, no_wrap=True, overflow="ellipsis")


def call_view(call: CallRecord) -> RenderableType:
    """One call whole."""
    head = (
        f"{call.id}  {call.started}\n{call.role}  {_printable(call.model)}  {call.prompt or ''}\n"
        f"{call.status}, {call.attempts} tries, {call.seconds:.2f} s, {call.input_tokens} in "
        f"({call.cached_tokens} cached), {call.output_tokens} out, {_usd(call.usd)}"
    )
    parts = [Text(head)]
    for message in call.request.get("messages") or ():  # type: ignore[union-attr]
        parts += _said(message)
    if "segments" in call.request:
        filler = str(call.request["filler"])
        parts.append(Text("\ntext", style="bold"))
        parts.append(Text(_printable(filler.join(call.request["segments"]))))  # type: ignore[arg-type]
    parts.append(Text("\nanswer", style="bold"))
    parts.append(Text(_answer(call)))
    return Group(*parts)


def replay_view(old: CallRecord, new: CallRecord) -> RenderableType:
    """Both answers, and whether they are the same."""
    same = _answer(old) == _answer(new)
    return Group(
        Text("before", style="bold"),
        Text(_answer(old)),
        Text(f"\nnow ({_printable(new.model)}, {_usd(new.usd)})", style="bold"),
        Text(_answer(new)),
        Text("\nthe same answer" if same else "\nanother answer", style="bold"),
    )


def _said(message: Any) -> list[Text]:
    return [Text(f"\n{message['role']}", style="bold"), Text(_printable(message["text"]))]


def _answer(call: CallRecord) -> str:
    if call.response is None:
        return call.error or ""
    if "slots" in call.response:
        return json.dumps(call.response["slots"])
    calls = call.response.get("calls")
    text = str(call.response.get("text", ""))
    return _printable(text) + (f"\n{json.dumps(calls)}" if calls else "")


def _total(name: str, total: Totals) -> Text:
    return Text(
        f"{name}: {total.calls} calls, {total.input_tokens} tokens in "
        f"({total.cached_tokens} cached), {total.output_tokens} out, {_usd(total.usd)}"
    )


def _usd(value: float | None) -> str:
    return "price unknown" if value is None else f"${value:.4f}"


def _printable(text: str) -> str:
    """Without control characters: what a model or a corpus says must not steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
