"""Seeded choices, slot filling and the rule that keeps held-out combinations out of training.

Every phenomenon is a tuple of :class:`Frame`. A frame turns a :class:`Draw` (a random stream
and a split) into the text of one document. Most frames are a few sentence patterns with slots,
``"{name} saw the {thing}."``; :meth:`Draw.sentence` fills them.

**Held-out combinations.** A stable hash of the words that meet in a sentence (noun, attractor
and verb; name pair, place and object) sends one combination in ten to the ``heldout`` split.
Training text never holds such a combination, and held-out text holds no other, so a model's
accuracy on held-out items cannot come from having read the very sentence.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Literal, TypeVar

Split = Literal["train", "heldout"]
Slots = Mapping[str, Sequence[str]]
Finish = Callable[[str], str]
T = TypeVar("T")

HELDOUT_SHARE = 10  # one combination in this many is held out
MAX_TRIES = 2_000
MIN_COMBINATIONS = 150  # a pattern with fewer may have no held-out one
MIN_WORDS, MAX_WORDS = 125, 195  # aimed at; the last sentence may run past MAX_WORDS

_SLOT = re.compile(r"\{([a-z]+)(\d*)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])(?!uni|use|usu|one\b|eu)")
_START = re.compile(r"^(\W*)(\w)")


def digest(*parts: object) -> int:
    """A stable 64-bit number for the parts (Python's own ``hash`` changes from run to run)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def is_heldout(combination: Sequence[str]) -> bool:
    """Whether the words, met in one sentence, are kept for the held-out split."""
    return digest("combination", *combination) % HELDOUT_SHARE == 0


@lru_cache(maxsize=4096)
def slots_of(pattern: str) -> tuple[tuple[str, str], ...]:
    """The slots of a pattern in order: (the slot as written, the word list it draws from)."""
    found: dict[str, str] = {}
    for match in _SLOT.finditer(pattern):
        found.setdefault(match[1] + match[2], match[1])
    return tuple(found.items())


def combinations(pattern: str, slots: Slots) -> int:
    """In how many ways the slots of a pattern can be filled."""
    return prod(len(slots[source]) for _, source in slots_of(pattern))


def substitute(pattern: str, values: Mapping[str, str]) -> str:
    """Put the values in the slots. Braces that are no slot are left as they are."""
    return _SLOT.sub(lambda match: values[match[1] + match[2]], pattern)


def capital(sentence: str) -> str:
    """The sentence with a capital as its first letter, whatever marks stand before it."""
    return _START.sub(lambda match: match[1] + match[2].upper(), sentence, count=1)


def polish(sentence: str) -> str:
    """English finish: ``a`` becomes ``an`` before a vowel, the first letter a capital."""
    return capital(_ARTICLE.sub(r"\1n ", sentence))


@dataclass(slots=True)
class Draw:
    """The random stream of one document, and the split that its combinations must be in.

    Attributes:
        rng: The stream. Nothing else in this package is random.
        split: ``train`` or ``heldout``.
        used: The combinations that were let through, in order; for checks.
    """

    rng: random.Random
    split: Split
    used: list[tuple[str, ...]] = field(default_factory=list)

    def pick(self, items: Sequence[T]) -> T:
        """One item, each as likely as the next."""
        return self.rng.choice(items)

    def pair(self, items: Sequence[T]) -> tuple[T, T]:
        """Two different items."""
        first, second = self.rng.sample(items, 2)
        return first, second

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def allowed(self, *combination: str) -> bool:
        """Whether the combination belongs to this draw's split; if so, it is noted as used."""
        if is_heldout(combination) != (self.split == "heldout"):
            return False
        self.used.append(combination)
        return True

    def until_allowed(self, make: Callable[[], tuple[T, tuple[str, ...]]]) -> T:
        """Call ``make`` until the combination that it returns belongs to this split.

        Raises:
            RuntimeError: when no try of ``MAX_TRIES`` does: the frame has too few combinations.
        """
        for _ in range(MAX_TRIES):
            value, combination = make()
            if self.allowed(*combination):
                return value
        raise RuntimeError(f"no {self.split} combination in {MAX_TRIES} tries")

    def values(self, pattern: str, slots: Slots) -> dict[str, str]:
        """Draw a word for each slot; slots of one list (``{name}``, ``{name2}``) all differ.

        With two slots or more, the drawn words are a combination and obey the split.
        """
        names = slots_of(pattern)

        def make() -> tuple[dict[str, str], tuple[str, ...]]:
            drawn: dict[str, str] = {}
            for name, source in names:
                taken = {drawn[other] for other, same in names if same == source and other in drawn}
                word = self.pick(slots[source])
                while word in taken:
                    word = self.pick(slots[source])
                drawn[name] = word
            return drawn, tuple(drawn.values())

        return self.until_allowed(make) if len(names) > 1 else make()[0]

    def sentence(self, pattern: str, slots: Slots, *, finish: Finish = polish) -> str:
        """The pattern with its slots filled, then finished (``polish``, ``capital`` or ``str``)."""
        return finish(substitute(pattern, self.values(pattern, slots)))


@dataclass(frozen=True, slots=True)
class Frame:
    """One family of templates; all documents made from it form one group.

    Attributes:
        render: Makes the text of a document.
        variant: What the documents hold besides the phenomenon (a language code), or empty.
    """

    render: Callable[[Draw], str]
    variant: str = ""


def compose(
    draw: Draw,
    make: Callable[[], str],
    *,
    separator: str = " ",
    paragraph: float = 0.1,
    low: int = MIN_WORDS,
    high: int = MAX_WORDS,
) -> str:
    """Join made sentences until the text is long enough; no sentence comes twice.

    Args:
        draw: The document's stream.
        make: Makes one sentence.
        separator: Between two sentences.
        paragraph: How often a blank line stands in place of the separator.
        low: The least number of words aimed at (eight characters count as a word at least, so
            that dense markup does not grow long).
        high: The greatest number of words aimed at.
    """
    target = draw.rng.randint(low, high)
    parts: list[str] = []
    seen: set[str] = set()
    words = 0
    tries = 0
    while words < target:
        sentence = make()
        tries += 1
        if sentence in seen and tries < MAX_TRIES:
            continue
        seen.add(sentence)
        if parts:
            parts.append("\n\n" if draw.chance(paragraph) else separator)
        parts.append(sentence)
        words += max(len(sentence.split()), len(sentence) // 8)
    return "".join(parts).rstrip()


def pattern_frame(
    patterns: Sequence[str],
    slots: Slots,
    *,
    separator: str = " ",
    paragraph: float = 0.1,
    finish: Finish = polish,
) -> Frame:
    """A frame that draws sentence patterns and fills their slots.

    Patterns with few combinations may have none held out; held-out text does without them.
    """
    rich = [pattern for pattern in patterns if combinations(pattern, slots) >= MIN_COMBINATIONS]

    def render(draw: Draw) -> str:
        usable = rich if draw.split == "heldout" else patterns
        return compose(
            draw,
            lambda: draw.sentence(draw.pick(usable), slots, finish=finish),
            separator=separator,
            paragraph=paragraph,
        )

    return Frame(render)
