"""Edits a unit while the model reads a text: how far the prediction after the last token moves.

The same edit of other units of the site, and changes of the same size along random directions,
stand beside it: what any edit does is no sign that this unit matters. How a text was chosen decides
what a unit does on it, so the others are edited on the same texts where these were given, and each
on its own strongest excerpts where the unit is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.ids import UnitId
from core.intervention_bounds import MOST_BY, MOST_NULL_UNITS, MOST_TEXTS, NULL_UNITS
from core.interventions import (
    InterventionDocument,
    InterventionKind,
    MeanOverTexts,
    MovedAtRandom,
    MovedByOthers,
    MovedText,
    MovedToken,
)
from neuroscribe.edits import Array, Done, alone, along, divergences, each_on_its_own
from scoring import bootstrap

if TYPE_CHECKING:
    from torch import Tensor

    from subjects.index.reader import ActivationIndex
    from subjects.protocol import Subject

DIRECTIONS = 8
EXPLAIN = 0
CONTEXT = 256
"""So many of a text's last tokens are read."""
LISTED = 8


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
        if len(self.texts) > MOST_TEXTS:
            raise InvalidSetting(f"at most {MOST_TEXTS} texts", "give fewer")
        if not 1 <= self.excerpts <= MOST_TEXTS:
            raise InvalidSetting(f"cannot read {self.excerpts} excerpts", f"give 1 to {MOST_TEXTS}")
        if not 0 <= self.null_units <= MOST_NULL_UNITS:
            raise InvalidSetting(
                f"cannot compare with {self.null_units} units", f"give 0 to {MOST_NULL_UNITS}"
            )


@dataclass(frozen=True, slots=True)
class _Read:
    """A text as the subject reads it."""

    ids: list[int]
    left_out: int
    given: bool


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
    given = bool(asked.texts)
    moved, on_same, at_random = [], [], []
    for text in texts:
        logs = alone(subject, text.ids, [asked.unit, *(others if given else [])], done)
        drawn = along(subject, text.ids, asked.unit, directions, done)
        apart = divergences(logs[:1], logs[1:])
        on_same.append(apart[1:])
        at_random.append(divergences(logs[:1], drawn))
        moved.append(_moved(subject, text, apart, at_random[-1], logs))
    pushed = asked.kind == "push"
    own = np.array([text.divergence for text in moved])
    random = np.array(at_random).mean(axis=0)
    if given or index is None:
        by_others = np.array(on_same)
    else:
        by_others = _on_own_excerpts(subject, index, others, len(texts), done)
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
        null=_null(own, by_others, given, asked.seed) if by_others.size else None,
        null_reason=None if by_others.size else _why_alone(index, asked, others),
        random=MovedAtRandom(
            directions=len(random), mean=float(random.mean()), largest=float(random.max())
        ),
        texts=moved,
    )


def _by(asked: Intervention) -> float:
    return 1.0 if asked.by is None else asked.by


def _done(index: ActivationIndex | None, asked: Intervention) -> Done:
    if asked.kind == "ablate":
        if index is None:
            return Done("ablate", lambda unit: 0.0, "set to zero")
        return Done("ablate", lambda unit: index.statistics(unit).mean, "set to its mean")
    by = _by(asked)
    if index is None:
        if asked.by is None:
            raise InvalidSetting(
                f"how far to push {str(asked.unit)!r} is not known: its activations were not "
                "collected",
                "say by how much, in the unit's own scale",
            )
        return Done("push", lambda unit: by, f"pushed by {by:g}")
    if not index.typical_peak(asked.unit):
        raise InvalidSetting(
            f"{str(asked.unit)!r} has no typical peak: it was never active", "ablate it"
        )
    words = f"pushed by {by:g} typical peaks"
    return Done("push", lambda unit: by * index.typical_peak(unit), words)


def _others(index: ActivationIndex | None, asked: Intervention) -> list[UnitId]:
    if index is None:
        return []
    unit = asked.unit
    chosen = index.null_units(unit)[: asked.null_units]
    return [UnitId(unit.subject, unit.site, other) for other in chosen]


def _why_alone(index: ActivationIndex | None, asked: Intervention, others: list[UnitId]) -> str:
    if index is None:
        return "the site was not collected, so its live units are not known"
    if not asked.null_units:
        return "none was asked for"
    if others:
        return "no other live unit of the site has as many excerpts"
    return "the site has no other live unit"


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
    own = [] if index is None else _excerpts(subject, index, asked.unit, asked.excerpts)
    if not own:
        raise InvalidSetting(
            f"no text is known on which {str(asked.unit)!r} is active", "give a text"
        )
    return [_Read(ids, 0, given=False) for ids in own]


def _excerpts(
    subject: Subject, index: ActivationIndex, unit: UnitId, count: int
) -> list[list[int]]:
    """Tokens of a unit's ``count`` strongest windows, the strongest first, each up to its peak."""
    numbers = index.strongest(unit.site, unit.index, EXPLAIN)[:count]
    if not len(numbers):
        return []
    longest = min(CONTEXT, subject.max_text)
    ends = index.values(unit.site, numbers, [unit.index])[:, :, 0].argmax(axis=1) + 1
    rows = index.windows.ids[index.windows.rows(numbers)]
    return [row[:end][-longest:].tolist() for row, end in zip(rows, ends.tolist(), strict=True)]


def _on_own_excerpts(
    subject: Subject, index: ActivationIndex, others: list[UnitId], count: int, done: Done
) -> Array:
    """Divergences [count, units] by the others that have ``count`` excerpts, each on its own."""
    read = [(unit, _excerpts(subject, index, unit, count)) for unit in others]
    texts = [(unit, ids) for unit, own in read if len(own) == count for ids in own]
    return each_on_its_own(subject, texts, done).reshape(-1, count).T


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


def _null(own: Array, others: Array, given: bool, seed: int) -> MovedByOthers:
    """``own`` [texts] beside ``others`` [texts, units], on the texts that were ``given``."""
    means = others.mean(axis=0)
    units = len(means)
    at_least = int((means >= own.mean()).sum())
    return MovedByOthers(
        texts="same" if given else "own excerpts",
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
