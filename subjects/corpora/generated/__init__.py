"""Generated text for the phenomena that the discovery methods look for.

Anyone can make the same text again: document number *i* depends on the phenomenon, the seed,
*i* and the split, and on nothing else. Start reading in :mod:`.draw` (how a frame becomes a
document and how combinations are held out), then any one phenomenon.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from subjects.corpora.document import Document

from . import (
    agreement,
    arithmetic,
    compounds,
    indirect_objects,
    languages,
    markup,
    negation,
    occupations,
    people,
    prose,
    quotations,
    rosters,
)
from .draw import Draw, Frame, Split, digest

__all__ = ["PHENOMENA", "TASKS", "ChoiceItem", "Split", "choice_items", "documents", "frames"]

_FRAMES: dict[str, tuple[Frame, ...]] = {
    "agreement": agreement.FRAMES,
    "occupations": occupations.FRAMES,
    "arithmetic": arithmetic.FRAMES,
    "indirect_objects": indirect_objects.FRAMES,
    "languages": languages.FRAMES,
    "compounds": compounds.FRAMES,
    "quotations": quotations.FRAMES,
    "negation": negation.FRAMES,
    "people": people.FRAMES,
    "lists_and_markup": markup.FRAMES,
    "prose": prose.FRAMES,
    "rosters": rosters.FRAMES,
}
PHENOMENA: tuple[str, ...] = tuple(_FRAMES)


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """A prompt with a right and a wrong continuation.

    Attributes:
        prompt: Text that ends right before the continuation, without a trailing space.
        correct: The right continuation, with its leading space where there is one.
        wrong: The wrong continuation, likewise.
        label: What kind of case it is (number, operation, order of names, occupation).
    """

    prompt: str
    correct: str
    wrong: str
    label: str


_ITEMS: dict[str, Callable[[Draw], tuple[str, str, str, str]]] = {
    "agreement": lambda draw: agreement.item(draw, attractor=True),
    "agreement_simple": lambda draw: agreement.item(draw, attractor=False),
    "arithmetic": lambda draw: arithmetic.item(draw, hard=False),
    "arithmetic_hard": lambda draw: arithmetic.item(draw, hard=True),
    "ioi": indirect_objects.item,
    "pronoun": occupations.item,
    "compound": compounds.item,
}
TASKS: tuple[str, ...] = tuple(_ITEMS)


def frames(phenomenon: str) -> tuple[Frame, ...]:
    """The frames of a phenomenon.

    Raises:
        ValueError: when there is no such phenomenon.
    """
    if phenomenon not in _FRAMES:
        raise ValueError(f"unknown phenomenon {phenomenon!r}; one of {', '.join(PHENOMENA)}")
    return _FRAMES[phenomenon]


def _draw(kind: str, name: str, seed: int, index: int, split: Split) -> Draw:
    return Draw(random.Random(digest(kind, name, seed, index, split)), split)


def documents(
    phenomenon: str, *, seed: int, count: int, start: int = 0, split: Split = "train"
) -> Iterator[Document]:
    """Documents number ``start`` to ``start + count - 1`` of a phenomenon.

    Args:
        phenomenon: One of :data:`PHENOMENA`.
        seed: Another seed gives other text under the same ids.
        count: How many documents.
        start: The number of the first one.
        split: ``train``, or ``heldout`` for text made of combinations that ``train`` lacks.

    Raises:
        ValueError: when there is no such phenomenon.
    """
    choices = frames(phenomenon)
    return (
        _document(phenomenon, choices, seed, index, split) for index in range(start, start + count)
    )


def _document(
    phenomenon: str, choices: tuple[Frame, ...], seed: int, index: int, split: Split
) -> Document:
    draw = _draw("document", phenomenon, seed, index, split)
    chosen = draw.rng.randrange(len(choices))
    frame = choices[chosen]
    group = f"generated/{phenomenon}/frame-{chosen:02d}"
    kind = f"generated:{phenomenon}"
    if frame.variant:
        chosen = sum(other.variant == frame.variant for other in choices[:chosen])
        group = f"generated/{phenomenon}/{frame.variant}/frame-{chosen:02d}"
        kind = f"generated:{phenomenon.removesuffix('s')}:{frame.variant}"
    name = f"{index:06d}" if split == "train" else f"{split}-{index:06d}"
    return Document(id=f"{group}/{name}", text=frame.render(draw), type=kind, group=group)


def choice_items(task: str, *, seed: int, count: int, split: Split = "heldout") -> list[ChoiceItem]:
    """Test items for what the documents teach; item *i* does not depend on ``count``.

    Args:
        task: One of :data:`TASKS`.
        seed: Another seed gives other items.
        count: How many items. Small tasks (one-digit sums) repeat themselves.
        split: By default made of combinations that no training document holds.

    Raises:
        ValueError: when there is no such task.
    """
    if task not in _ITEMS:
        raise ValueError(f"unknown task {task!r}; one of {', '.join(TASKS)}")
    make = _ITEMS[task]
    return [ChoiceItem(*make(_draw("item", task, seed, i, split))) for i in range(count)]
