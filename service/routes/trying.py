"""What the forms of a unit's page ask for, done: a text run on the unit, or the unit edited on it.

Faults are part of what is shown: the page around them stays.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import ValidationError

from core.errors import InvalidSetting, NeuroscribeError
from core.ids import UnitId
from service.auth import Reader
from service.bodies import InterveneBody, RunBody
from service.pages.tried import PUSHED_BY, Tried
from service.routes.common import Unit, Work, typed

READ_ONLY = "this key may read only"
Asked = Literal["", "ablate", "push"]


async def try_out(
    unit: Unit,
    desk: Work,
    caller: Reader,
    text: Annotated[str, Query(max_length=2_000)] = "",
    edit: Asked = "",
    by: Annotated[str, Query(max_length=40)] = PUSHED_BY,
) -> Tried:
    """``text`` run on the unit, or with ``edit`` the unit edited while the model reads it.

    Without a text it is edited on its strongest excerpt. ``by`` is for pushes; left empty it is one
    typical peak.
    """
    text = typed(text)
    if not edit and not text.strip():
        return Tried()
    may = caller.may("run")
    if edit:
        if not may:
            return Tried(text, edit, by, edit_fault=READ_ONLY)
        try:
            edited = await desk.intervene(_edit(unit, text, edit, by))
        except NeuroscribeError as error:
            return Tried(text, edit, by, edit_fault=str(error))
        return Tried(text, edit, by, edited=edited)
    if not may:
        return Tried(text, fault=READ_ONLY)
    try:
        answer = await desk.texts(RunBody(unit=unit, texts=[text]))
    except NeuroscribeError as error:
        return Tried(text, fault=str(error))
    return Tried(text, ran=answer.texts[0], peak=answer.peak)


def _edit(unit: UnitId, text: str, kind: Literal["ablate", "push"], by: str) -> InterveneBody:
    size = by.strip() if kind == "push" else ""
    try:
        return InterveneBody(
            unit=unit,
            kind=kind,
            by=float(size) if size else None,
            texts=[text] if text.strip() else [],
        )
    except (ValueError, ValidationError):
        raise InvalidSetting(
            f"cannot push by {size!r}", "give a number, at most 1e+06 either way"
        ) from None


Trying = Annotated[Tried, Depends(try_out)]
