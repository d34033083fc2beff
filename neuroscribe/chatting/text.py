"""Tools that run the model on text: what a unit does there, and what the model does without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from agent.chat.tools import ChatTool, Data
from core.errors import InvalidSetting
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Finite, Record
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.units import Explain
from neuroscribe.effects import NULL_UNITS
from neuroscribe.laboratory import probe_of

if TYPE_CHECKING:
    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Edit, Subject

_LONGEST = 4000
_MOVED = 8
Logs = NDArray[np.float64]


class RunText(Explain):
    """A unit and any text."""

    text: str = Field(min_length=1, max_length=_LONGEST)


class EditUnit(Explain):
    """What to do to a unit while the model reads a text.

    ``by`` is for pushes: in typical peaks of the unit where these are known, else in its own scale.
    """

    kind: Literal["ablate", "push"]
    text: str | None = Field(
        default=None,
        max_length=_LONGEST,
        description="Without it: the text on which the unit is most active, up to its peak.",
    )
    by: Finite | None = Field(default=None, description="How far to push, in typical peaks.")


def text_tools(desk: Desk) -> list[ChatTool]:
    """``run_text`` and ``edit_unit``."""
    return [
        ChatTool(
            "run_text",
            "Run any text through the model: the unit's activation on every token.",
            RunText,
            lambda given: _run(desk, given),
        ),
        ChatTool(
            "edit_unit",
            "Ablate a unit (set it to its mean) or push it while the model reads a text: how the "
            "prediction after the last token moves, beside other units treated the same.",
            EditUnit,
            lambda given: _edit(desk, given),
        ),
    ]


def _run(desk: Desk, given: RunText) -> Data:
    unit, index = given.unit, desk.index(given.unit)
    subject = desk.workspace.subject(unit.subject)
    ids = _tokens(subject, given.text)
    values = probe_of(subject, unit)(np.array([ids], dtype=np.int64))[0]
    tokens = subject.vocabulary.decode(ids)
    pairs: list[JsonValue] = [
        [token, round(float(value), 5)] for token, value in zip(tokens, values, strict=True)
    ]
    at = int(np.abs(values).argmax())
    return {
        "unit": str(unit),
        "text": given.text,
        "activations": pairs,
        "strongest": {"token": tokens[at], "position": at, "value": round(float(values[at]), 5)},
        "typical_peak": None if index is None else index.typical_peak(unit),
        "cite": _cite("run", given),
    }


def _edit(desk: Desk, given: EditUnit) -> Data:
    unit, index = given.unit, desk.index(given.unit)
    subject = desk.workspace.subject(unit.subject)
    ids = _strongest(index, unit) if given.text is None else _tokens(subject, given.text)
    plain = _expected(subject, ids)
    edited = _expected(subject, ids, _edit_of(given, unit, index))
    moved = np.exp(edited) - np.exp(plain)
    order = np.argsort(moved)
    null = None
    if index is not None:
        others = [UnitId(unit.subject, unit.site, i) for i in index.null_units(unit)[:NULL_UNITS]]
        found = [
            _divergence(plain, _expected(subject, ids, _edit_of(given, other, index)))
            for other in others
        ]
        null = (
            {"units": len(found), "mean": float(np.mean(found)), "largest": max(found)}
            if (found)
            else None
        )

    def some(rows: NDArray[np.int64]) -> list[JsonValue]:
        return [
            {
                "token": subject.vocabulary.strings[i],
                "before": round(float(np.exp(plain[i])), 6),
                "after": round(float(np.exp(edited[i])), 6),
            }
            for i in rows.tolist()
        ]

    return {
        "unit": str(unit),
        "edit": _named(given, index),
        "text": "".join(subject.vocabulary.decode(ids)),
        "divergence": _divergence(plain, edited),
        "null_divergence": {**null} if null else None,
        "raised": some(order[::-1][:_MOVED][moved[order[::-1][:_MOVED]] > 0]),
        "lowered": some(order[:_MOVED][moved[order[:_MOVED]] < 0]),
        "cite": _cite("edit", given),
    }


def _edit_of(given: EditUnit, unit: UnitId, index: ActivationIndex | None) -> Edit:
    from subjects.protocol import Edit

    place, units = unit.site, [unit.index]
    if given.kind == "ablate":
        if index is None:
            return Edit(place, "zero", units)
        return Edit(place, "mean", units, index.statistics(unit).mean)
    if index is None and given.by is None:
        raise InvalidSetting(
            f"how far to push {str(unit)!r} is not known: its activations were not collected",
            "say by how much, in the unit's own scale",
        )
    by = 1.0 if given.by is None else given.by
    return Edit(place, "add", units, by * (1.0 if index is None else index.typical_peak(unit)))


def _named(given: EditUnit, index: ActivationIndex | None) -> str:
    if given.kind == "ablate":
        return "set to zero" if index is None else "set to its mean"
    by = 1.0 if given.by is None else given.by
    return f"pushed by {by:g}" + ("" if index is None else " typical peaks")


def _expected(subject: Subject, ids: list[int], *edits: Edit) -> Logs:
    """Log-probabilities [vocabulary] after the last token."""
    logits = subject.logits(subject.batch(np.array([ids], dtype=np.int64)), edits)[0, -1]
    found: Logs = logits.double().log_softmax(-1).cpu().numpy()
    return found


def _divergence(first: Logs, second: Logs) -> float:
    """Jensen-Shannon, in nats."""
    p, q = np.exp(first), np.exp(second)
    middle = np.log(np.maximum((p + q) / 2, 1e-300))
    apart = [(x * (np.maximum(log, -700.0) - middle)).sum() for x, log in ((p, first), (q, second))]
    return max(0.0, float(sum(apart)) / 2)


def _strongest(index: ActivationIndex | None, unit: UnitId) -> list[int]:
    """The unit's strongest window of ``explain``, up to and with its peak."""
    top = None if index is None else index.evidence(unit).explain.top
    if top is None or not len(top):
        raise InvalidSetting(f"no text is known on which {str(unit)!r} is active", "give a text")
    return [int(i) for i in top.token_ids[0][: int(top.activations[0].argmax()) + 1]]


def _tokens(subject: Subject, text: str) -> list[int]:
    ids = subject.tokenize(text)
    if not ids:
        raise InvalidSetting("the text has no tokens", "give some text")
    return ids


def _cite(what: str, given: Record) -> str:
    """A measurement is no row of the store: it is made again from what it was asked with."""
    return f"[measurement {fingerprint([what, given.model_dump(mode='json')])}]"
