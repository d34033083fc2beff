"""Runs a subject on a text with edits of its units, as one batch in which each row has its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedOperation
from core.ids import UnitId
from core.interventions import InterventionKind
from subjects.memory import in_parts

if TYPE_CHECKING:
    from torch import Tensor

    from subjects.protocol import Edit, Subject

Array = NDArray[np.float64]
Edits = Callable[[slice], "list[Edit]"]
"""The edits of some rows of a batch."""

_AT_ONCE = 64
_LOGITS_AT_ONCE = 1 << 25


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to the unit, in numbers and in words; ``amount`` of any unit alike."""

    kind: InterventionKind
    amount: Callable[[UnitId], float]
    words: str


def alone(subject: Subject, ids: list[int], units: list[UnitId], done: Done) -> Tensor:
    """Log-probabilities [1 + units, vocabulary]: without any edit, then with one unit edited."""
    amounts = np.array([done.amount(unit) for unit in units])

    def edits(rows: slice) -> list[Edit]:
        # Row r is left alone by every factor of 1 and every 0 that is added to it.
        first = max(rows.start, 1)
        here = range(first - 1, rows.stop - 1)
        own = np.zeros((rows.stop - rows.start, len(ids), len(here)), np.float32)
        for column, number in enumerate(here):
            own[number + 1 - rows.start, :, column] = 1.0
        return _edits(units, here, own, amounts, done.kind)

    return _logs(subject, np.tile(np.array(ids, dtype=np.int64), (1 + len(units), 1)), edits)


def each_on_its_own(
    subject: Subject, texts: Sequence[tuple[UnitId, list[int]]], done: Done
) -> Array:
    """How far each unit, edited on the text beside it, moves the prediction there [texts].

    Texts of one length run together.
    """
    found = np.zeros(len(texts))
    lengths = np.array([len(ids) for _, ids in texts])
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        here = [texts[place] for place in places.tolist()]
        ids = np.array([ids for _, ids in here], dtype=np.int64)
        units = [unit for unit, _ in here]
        plain = _logs(subject, ids, lambda rows: [])
        found[places] = divergences(plain, _logs(subject, ids, _row_by_row(units, length, done)))
    return found


def _row_by_row(units: list[UnitId], length: int, done: Done) -> Edits:
    """Unit ``units[r]`` is edited in row r."""
    columns = sorted(set(units), key=lambda unit: unit.index)
    amounts = np.array([done.amount(unit) for unit in columns])

    def edits(rows: slice) -> list[Edit]:
        own = np.zeros((rows.stop - rows.start, length, len(columns)), np.float32)
        for row, unit in enumerate(units[rows]):
            own[row, :, columns.index(unit)] = 1.0
        return _edits(columns, range(len(columns)), own, amounts, done.kind)

    return edits


def _edits(
    units: list[UnitId],
    numbers: range,
    own: NDArray[np.float32],
    amounts: Array,
    kind: InterventionKind,
) -> list[Edit]:
    """What sets or pushes unit ``numbers[k]`` where ``own`` [rows, tokens, units] is 1."""
    from subjects.protocol import Edit

    if not numbers:
        return []
    site, columns = units[0].site, [units[n].index for n in numbers]
    added = (own * amounts[numbers.start : numbers.stop]).astype(np.float32)
    push = Edit(site, "add", columns, added)
    return [push] if kind == "push" else [Edit(site, "scale", columns, 1.0 - own), push]


def along(subject: Subject, ids: list[int], unit: UnitId, directions: Array, done: Done) -> Tensor:
    """Log-probabilities [directions, vocabulary] after changes as large as the unit's own."""
    from subjects.protocol import Edit

    change = np.full(len(ids), done.amount(unit))
    if done.kind == "ablate":
        batch = subject.batch(np.array([ids], dtype=np.int64))
        values = subject.activations(batch, [unit.site])[unit.site][0, :, unit.index]
        change -= values.double().cpu().numpy()

    def edits(rows: slice) -> list[Edit]:
        added = directions[rows, None, :] * change[:, None]
        return [Edit(unit.site, "add", None, added.astype(np.float32))]

    return _logs(subject, np.tile(np.array(ids, dtype=np.int64), (len(directions), 1)), edits)


def _logs(subject: Subject, ids: NDArray[np.int64], edits: Edits) -> Tensor:
    """Log-probabilities [rows, vocabulary] after the last tokens of ``ids``, edited by row."""
    import torch

    start = 0

    def run(part: NDArray[np.int64]) -> Tensor:
        here = edits(slice(start, start + len(part)))
        return subject.logits(subject.batch(part), here)[:, -1].double().log_softmax(-1).cpu()

    at_once = _LOGITS_AT_ONCE // (ids.shape[1] * len(subject.vocabulary.strings))
    parts = []
    for _, logs in in_parts(run, ids, min(_AT_ONCE, at_once), subject=subject.spec.name):
        parts.append(logs)
        start += len(logs)
    found = torch.cat(parts)
    if found.isnan().any():
        raise UnsupportedOperation(
            f"{subject.spec.name!r} gives no probabilities under this edit", "push less far"
        )
    return found


def divergences(plain: Tensor, edited: Tensor) -> Array:
    """Jensen-Shannon divergences in nats [rows] of ``edited`` from ``plain`` (one row, or each)."""
    from subjects.effects import jensen_shannon

    found: Array = jensen_shannon(plain, edited).numpy()
    return found
