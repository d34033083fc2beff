"""Edits a unit while the model reads a text: how far the prediction after the last token moves.

The same edit of other units of the site, and changes of the same size along random directions,
stand beside it: what any edit does is no sign that this unit matters. Everything that is done on
one text runs through the subject as one batch, in which each row has an edit of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting, UnsupportedOperation
from core.ids import UnitId
from core.interventions import (
    InterventionDocument,
    InterventionKind,
    MeanOverTexts,
    MovedAtRandom,
    MovedByOthers,
    MovedText,
    MovedToken,
)
from scoring import bootstrap
from subjects.memory import in_parts

if TYPE_CHECKING:
    from torch import Tensor

    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Edit, Subject

Array = NDArray[np.float64]
Edits = Callable[[slice], "list[Edit]"]
"""The edits of some rows of a batch."""

MOST_TEXTS = 16
NULL_UNITS = 32
MOST_NULL_UNITS = 100
MOST_BY = 1e6
DIRECTIONS = 8
CONTEXT = 256
"""So many of a text's last tokens are read."""
LISTED = 8
_AT_ONCE = 64
_LOGITS_AT_ONCE = 1 << 25


@dataclass(frozen=True, slots=True)
class Intervention:
    """Which edit of which unit, on which texts.

    ``by`` is for pushes: in typical peaks of the unit where these are known, else in its own scale.
    Without ``texts`` the unit's ``excerpts`` strongest excerpts are read, each up to its peak.
    ``seed`` is of intervals and random directions.
    """

    unit: UnitId
    kind: InterventionKind
    by: float | None = None
    texts: tuple[str, ...] = ()
    excerpts: int = 1
    null_units: int = NULL_UNITS
    seed: int = 0

    def check(self) -> None:
        """:class:`InvalidSetting` for what cannot be meant."""
        if self.kind == "ablate" and self.by is not None:
            raise InvalidSetting(
                "an ablation has no size: it sets the unit to its mean", "leave out by, or push"
            )
        if self.by is not None and not abs(self.by) <= MOST_BY:
            raise InvalidSetting(f"cannot push by {self.by!r}", f"at most {MOST_BY:g} either way")
        if self.seed < 0:
            raise InvalidSetting(f"{self.seed} is no seed", "give 0 or more")
        if max(len(self.texts), self.excerpts) > MOST_TEXTS:
            raise InvalidSetting(f"at most {MOST_TEXTS} texts", "give fewer")


@dataclass(frozen=True, slots=True)
class _Read:
    """A text as the subject reads it."""

    ids: list[int]
    left_out: int
    given: bool


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done to the unit, in numbers and in words; ``amount`` of any unit alike."""

    kind: InterventionKind
    amount: Callable[[UnitId], float]
    words: str


def intervene(
    subject: Subject, index: ActivationIndex | None, asked: Intervention
) -> InterventionDocument:
    """Do it. ``index`` None: the site was not collected, so means, peaks and others are not known.

    Raises :class:`InvalidSetting` (no text is known or none has tokens, how far to push is not
    known), :class:`core.errors.UnsupportedOperation` for a subject without output, and
    :class:`core.errors.SubjectOutOfMemory`.
    """
    asked.check()
    done = _done(index, asked)
    others = _others(index, asked)
    texts = _texts(subject, index, asked)
    rng = np.random.default_rng(asked.seed)
    width = subject.sites()[asked.unit.site].width
    directions = rng.normal(size=(DIRECTIONS, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    moved, by_others, at_random = [], [], []
    for text in texts:
        logs = _alone(subject, text.ids, [asked.unit, *others], done)
        drawn = _along(subject, text.ids, asked.unit, directions, done)
        apart = _divergences(logs[0], logs[1:])
        by_others.append(apart[1:])
        at_random.append(_divergences(logs[0], drawn))
        moved.append(_moved(subject, text, apart, at_random[-1], logs))
    pushed = asked.kind == "push"
    own = np.array([text.divergence for text in moved])
    random = np.array(at_random).mean(axis=0)
    return InterventionDocument(
        unit=asked.unit,
        spec_hash=subject.spec.hash,
        kind=asked.kind,
        by=_by(asked) if pushed else None,
        edit=done.words,
        scale=(("own" if index is None else "typical_peak") if pushed else None),
        amount=done.amount(asked.unit),
        predicts="token_itself" if subject.spec.family == "masked" else "next_token",
        divergence=_mean(own, asked.seed),
        null=_null(own, np.array(by_others), asked.seed) if others else None,
        null_reason=None if others else _why_alone(index, asked),
        random=MovedAtRandom(
            directions=len(random), mean=float(random.mean()), largest=float(random.max())
        ),
        texts=moved,
    )


def _by(asked: Intervention) -> float:
    return 1.0 if asked.by is None else asked.by


def _done(index: ActivationIndex | None, asked: Intervention) -> _Done:
    if asked.kind == "ablate":
        if index is None:
            return _Done("ablate", lambda unit: 0.0, "set to zero")
        return _Done("ablate", lambda unit: index.statistics(unit).mean, "set to its mean")
    by = _by(asked)
    if index is None:
        if asked.by is None:
            raise InvalidSetting(
                f"how far to push {str(asked.unit)!r} is not known: its activations were not "
                "collected",
                "say by how much, in the unit's own scale",
            )
        return _Done("push", lambda unit: by, f"pushed by {by:g}")
    if not index.typical_peak(asked.unit):
        raise InvalidSetting(
            f"{str(asked.unit)!r} has no typical peak: it was never active", "ablate it"
        )
    words = f"pushed by {by:g} typical peaks"
    return _Done("push", lambda unit: by * index.typical_peak(unit), words)


def _others(index: ActivationIndex | None, asked: Intervention) -> list[UnitId]:
    if index is None:
        return []
    unit = asked.unit
    chosen = index.null_units(unit)[: asked.null_units]
    return [UnitId(unit.subject, unit.site, other) for other in chosen]


def _why_alone(index: ActivationIndex | None, asked: Intervention) -> str:
    if index is None:
        return "the site was not collected, so its live units are not known"
    return "none was asked for" if not asked.null_units else "the site has no other live unit"


def _texts(subject: Subject, index: ActivationIndex | None, asked: Intervention) -> list[_Read]:
    longest = min(CONTEXT, subject.max_text)
    if asked.texts:
        found = []
        for text in asked.texts:
            ids = subject.tokenize(text)
            if not ids:
                raise InvalidSetting(f"{text!r} has no tokens", "give a longer text")
            found.append(_Read(ids[-longest:], max(0, len(ids) - longest), given=True))
        return found
    top = None if index is None else index.evidence(asked.unit).explain.top
    if top is None or not len(top):
        raise InvalidSetting(
            f"no text is known on which {str(asked.unit)!r} is active", "give a text"
        )
    rows = zip(top.token_ids[: asked.excerpts], top.activations, strict=False)
    return [
        _Read([int(i) for i in ids[: int(values.argmax()) + 1]][-longest:], 0, given=False)
        for ids, values in rows
    ]


def _alone(subject: Subject, ids: list[int], units: list[UnitId], done: _Done) -> Tensor:
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

    return _logs(subject, ids, 1 + len(units), edits)


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


def _along(
    subject: Subject, ids: list[int], unit: UnitId, directions: Array, done: _Done
) -> Tensor:
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

    return _logs(subject, ids, len(directions), edits)


def _logs(subject: Subject, ids: list[int], rows: int, edits: Edits) -> Tensor:
    """Log-probabilities [rows, vocabulary] after the last token of the same text, edited by row."""
    import torch

    start = 0

    def run(part: NDArray[np.int64]) -> Tensor:
        here = edits(slice(start, start + len(part)))
        return subject.logits(subject.batch(part), here)[:, -1].double().log_softmax(-1).cpu()

    copies = np.tile(np.array(ids, dtype=np.int64), (rows, 1))
    at_once = _LOGITS_AT_ONCE // (len(ids) * len(subject.vocabulary.strings))
    parts = []
    for _, logs in in_parts(run, copies, min(_AT_ONCE, at_once), subject=subject.spec.name):
        parts.append(logs)
        start += len(logs)
    found = torch.cat(parts)
    if found.isnan().any():
        raise UnsupportedOperation(
            f"{subject.spec.name!r} gives no probabilities under this edit", "push less far"
        )
    return found


def _divergences(plain: Tensor, edited: Tensor) -> Array:
    from subjects.effects import jensen_shannon

    found: Array = jensen_shannon(plain[None], edited).numpy()
    return found


def _moved(
    subject: Subject, text: _Read, apart: Array, at_random: Array, logs: Tensor
) -> MovedText:
    before, after = (logs[row].exp().numpy() for row in (0, 1))
    change = after - before
    order = np.argsort(change, kind="stable")

    def some(rows: NDArray[np.int64]) -> list[MovedToken]:
        return [
            MovedToken(
                token=subject.vocabulary.strings[i], before=float(before[i]), after=float(after[i])
            )
            for i in rows.tolist()
        ]

    up, down = order[::-1][:LISTED], order[:LISTED]
    return MovedText(
        text="".join(subject.vocabulary.decode(text.ids)),
        origin="given" if text.given else "excerpt",
        tokens=len(text.ids),
        left_out=text.left_out,
        divergence=float(apart[0]),
        null_mean=float(apart[1:].mean()) if len(apart) > 1 else None,
        random_mean=float(at_random.mean()),
        raised=some(up[change[up] > 0]),
        lowered=some(down[change[down] < 0]),
    )


def _null(own: Array, others: Array, seed: int) -> MovedByOthers:
    """``own`` [texts] beside ``others`` [texts, units]."""
    means = others.mean(axis=0)
    units = len(means)
    at_least = int((means >= own.mean()).sum())
    return MovedByOthers(
        units=units,
        mean=_mean(others.mean(axis=1), seed),
        largest=float(means.max()),
        at_least=at_least,
        p=(1 + at_least) / (1 + units),
        smallest_p=1 / (1 + units),
        excess=_mean(own - others.mean(axis=1), seed),
    )


def _mean(values: Array, seed: int) -> MeanOverTexts:
    found = bootstrap.mean(values, seed, of="texts", nothing="no text")
    return MeanOverTexts(
        value=float(values.mean()), low=found.low, high=found.high, reason=found.reason
    )
