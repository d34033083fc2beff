"""Tools that run the model on text: what a unit does there, and what the model does without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, JsonValue

from agent.chat.tools import ChatTool, Data
from core.errors import InvalidSetting
from core.hashing import fingerprint
from core.interventions import InterventionKind
from core.results import Finite, Record
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.units import Explain
from neuroscribe.interventions import Intervention, intervene
from neuroscribe.laboratory import probe_of

if TYPE_CHECKING:
    from subjects.protocol import Subject

_LONGEST = 4000


class RunText(Explain):
    """A unit and any text."""

    text: str = Field(min_length=1, max_length=_LONGEST)


class EditUnit(Explain):
    """What to do to a unit while the model reads a text.

    ``by`` is for pushes: in typical peaks of the unit where these are known, else in its own scale.
    """

    kind: InterventionKind
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
    texts = () if given.text is None else (given.text,)
    by = given.by if given.kind == "push" else None
    asked = Intervention(given.unit, given.kind, by, texts)
    index = desk.index(given.unit)
    found = intervene(desk.workspace.subject(given.unit.subject), index, asked)
    (text,), null = found.texts, found.null
    told = text.model_dump(mode="json", include={"text", "divergence", "raised", "lowered"})
    return {
        "unit": str(found.unit),
        "edit": found.edit,
        **told,
        "null_divergence": None
        if null is None
        else {
            "texts": null.texts,
            "units": null.units,
            "mean": null.mean.value,
            "largest": null.largest,
            "p": null.p,
            "smallest_p": null.smallest_p,
        },
        "null_reason": found.null_reason,
        "random_divergence": found.random.mean,
        "cite": _cite("edit", given),
    }


def _tokens(subject: Subject, text: str) -> list[int]:
    ids = subject.tokenize(text)
    if not ids:
        raise InvalidSetting("the text has no tokens", "give some text")
    return ids


def _cite(what: str, given: Record) -> str:
    """A measurement is no row of the store: it is made again from what it was asked with."""
    return f"[measurement {fingerprint([what, given.model_dump(mode='json')])}]"
