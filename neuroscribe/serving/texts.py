"""Texts of many requests through a subject together.

A subject reads windows of one length. Where it reads from left to right, and each window for
itself, a shorter window may be filled up behind without changing what comes before; elsewhere only
windows of equal length go together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.evidence import Floats
from core.ids import UnitId
from core.patterns import TokenGrid, evaluate, parse
from service.documents import TextRun
from subjects.memory import in_parts

if TYPE_CHECKING:
    from torch import Tensor

    from service.bodies import RunBody
    from subjects.protocol import Subject

AT_ONCE = 64
FILLED = ("causal", "lstm")
_STEP = 16
"""Windows are filled up to a multiple of this, so that hardly a token in ten is for nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """The windows of one request, and the unit that is asked about."""

    unit: UnitId
    windows: tuple[tuple[int, ...], ...]


def windows_of(subject: Subject, text: str, width: int) -> tuple[tuple[int, ...], ...]:
    """The text in windows of at most ``width`` tokens; :class:`InvalidSetting` without a token."""
    ids = subject.tokenize(text)
    if not ids:
        raise InvalidSetting(f"{text!r} has no tokens", "give a longer text")
    return tuple(tuple(ids[i : i + width]) for i in range(0, len(ids), width))


def run_together(subject: Subject, questions: Sequence[Question]) -> list[list[Floats]]:
    """The unit's activations on every window of each question, [tokens] each.

    Raises what concerns the subject as a whole, such as :class:`SubjectOutOfMemory`.
    """
    found: list[list[Floats]] = [[np.zeros(0, np.float32)] * len(q.windows) for q in questions]
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    fills = subject.spec.family in FILLED
    for number, question in enumerate(questions):
        for place, window in enumerate(question.windows):
            length = len(window)
            if fills:
                length = min(-(-length // _STEP) * _STEP, subject.max_text)
            groups[length].append((number, place))
    for length, members in sorted(groups.items()):
        sites = sorted({questions[number].unit.site for number, _ in members})
        ids = np.zeros((len(members), length), dtype=np.int64)
        for row, (number, place) in enumerate(members):
            window = questions[number].windows[place]
            ids[row, : len(window)] = window
        for row, (number, place) in enumerate(members):
            size = len(questions[number].windows[place])
            ids[row, size:] = ids[row, size - 1]  # any token of the vocabulary will do
        units = [questions[number].unit for number, _ in members]
        values = _values(subject, ids, sites, units)
        for row, (number, place) in enumerate(members):
            found[number][place] = values[row, : len(questions[number].windows[place])]
    return found


def _values(
    subject: Subject, ids: NDArray[np.int64], sites: list[str], units: Sequence[UnitId]
) -> Floats:
    """The activations of each row's own unit, [rows, tokens]."""
    import torch

    start = 0

    def run(part: NDArray[np.int64]) -> Tensor:
        found = subject.activations(subject.batch(part), sites)
        here = units[start : start + len(part)]
        return torch.stack([found[u.site][i, :, u.index] for i, u in enumerate(here)]).cpu()

    parts = []
    for _, values in in_parts(run, ids, AT_ONCE, subject=subject.spec.name):
        parts.append(values.numpy())
        start += len(values)
    return np.concatenate(parts)


def shown(
    subject: Subject, body: RunBody, texts: Sequence[Sequence[tuple[int, ...]]], ran: list[Floats]
) -> list[TextRun]:
    """The texts of a request with what was found, and what the explanation predicts."""
    pattern = None if body.explanation is None else parse(body.explanation)
    results, left = [], iter(ran)
    for windows in texts:
        tokens: list[str] = []
        activations: list[float] = []
        simulated: list[float | None] = []
        for window in windows:
            said = subject.vocabulary.decode(window)
            tokens += said
            activations += [round(float(v), 6) for v in next(left)]
            if pattern is not None:
                grid = TokenGrid.from_tokens([said])
                simulated += [float(v) for v in evaluate(pattern, grid)[0]]
        results.append(
            TextRun(
                tokens=tokens,
                activations=activations,
                simulated=None if pattern is None else simulated,
                windows=len(windows),
            )
        )
    return results
