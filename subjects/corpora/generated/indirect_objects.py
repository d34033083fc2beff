"""Indirect objects: of two people named, the one who did not act receives the thing.

"When Mary and John went to the store, John gave a drink to Mary." The giver is named twice and
the receiver once before the gap; both orders of the first pair (ABBA and BABA) are as common.
Held-out combination: (the two names in alphabetical order, place, object).
"""

from __future__ import annotations

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import DAYS, NAMES, OBJECTS, PLACES

# {first} and {second} are giver and receiver in either order; {giver}, {receiver} as named.
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("When {first} and {second} went to the {place}, {giver} gave a {object} to {receiver}.",
     "When {first} and {second} came to the {place}, {giver} handed a {object} to {receiver}."),
    ("After {first} and {second} left the {place}, {giver} sent a {object} to {receiver}.",
     "After {first} and {second} met at the {place}, {giver} offered a {object} to {receiver}."),
    ("While {first} and {second} were at the {place}, {giver} passed a {object} to {receiver}.",
     "While {first} and {second} sat in the {place}, {giver} showed a {object} to {receiver}."),
    ("{first} and {second} walked to the {place}. There {giver} gave the {object} to {receiver}.",
     "{first} and {second} were in the {place}. Then {giver} threw the {object} to {receiver}."),
    ("Yesterday {first} and {second} had a talk at the {place}, and {giver} sold a {object} to "
     "{receiver}.",
     "Today {first} and {second} had lunch at the {place}, and {giver} lent a {object} to "
     "{receiver}."),
    ("Friends {first} and {second} found a {object} at the {place}. {giver} gave it to {receiver}.",
     "Friends {first} and {second} saw a {object} in the {place}. {giver} took it to {receiver}."),
    ("Then {first} and {second} had a long argument in the {place}. Afterwards {giver} said sorry "
     "and brought a {object} to {receiver}.",
     "Then {first} and {second} played near the {place}. At last {giver} kicked the {object} "
     "to {receiver}."),
    ("When {first}, {second} and {third} went to the {place}, {third} slept and {giver} gave a "
     "{object} to {receiver}.",
     "When {third} left the {place}, {first} and {second} stayed, and {giver} gave a {object} "
     "to {receiver}."),
    ("On {day} {first} met {second} near the {place}; {giver} took a {object} to {receiver}.",
     "On {day} {first} drove {second} to the {place}; {giver} lent a {object} to {receiver}."),
    ("Since {first} and {second} work at the {place}, {giver} often gives a {object} "
     "to {receiver}.",
     "Since {first} and {second} like the {place}, {giver} will give a {object} to {receiver}."),
    ("Because {first} wanted to see the {place} with {second}, {giver} gave a {object} to "
     "{receiver}.",
     "Because {first} had missed {second} at the {place}, {giver} sent a {object} to {receiver}."),
    ("{third} says that {first} and {second} went to the {place} and {giver} gave a {object} to "
     "{receiver}.",
     "{third} knows that {first} and {second} were at the {place} when {giver} sent a {object} to "
     "{receiver}."),
)  # fmt: skip
_FILLER = (
    "It was a fine day.", "Both of them smiled.", "Nobody else was there.", "It was getting late.",
    "The weather was good.", "They had been friends for years.", "A week went by.",
)  # fmt: skip


def _values(draw: Draw) -> dict[str, str]:
    """Names, place and object whose combination is in the draw's split."""

    def make() -> tuple[dict[str, str], tuple[str, ...]]:
        giver, receiver, third = draw.rng.sample(NAMES, 3)
        place, thing = draw.pick(PLACES), draw.pick(OBJECTS)
        first, second = (giver, receiver) if draw.chance(0.5) else (receiver, giver)
        values = {"giver": giver, "receiver": receiver, "first": first, "second": second}
        values |= {"third": third, "place": place, "object": thing, "day": draw.pick(DAYS)}
        return values, (*sorted((giver, receiver)), place, thing)

    return draw.until_allowed(make)


def _frame(patterns: tuple[str, ...]) -> Frame:
    def render(draw: Draw) -> str:
        def make() -> str:
            if draw.chance(0.08):
                return draw.pick(_FILLER)
            return polish(substitute(draw.pick(patterns), _values(draw)))

        return compose(draw, make)

    return Frame(render)


FRAMES = tuple(_frame(patterns) for patterns in PATTERNS)
_PROMPTS = tuple(pattern for frame in (0, 1, 2, 3, 9) for pattern in PATTERNS[frame])


def item(draw: Draw) -> tuple[str, str, str, str]:
    """One choice: (prompt up to "to", receiver, giver, order of the names).

    The label is ``ABBA`` when the receiver (A) is named first, else ``BABA``.
    """
    values = _values(draw)
    pattern = draw.pick(_PROMPTS)
    prompt = polish(substitute(pattern[: pattern.rindex(" {receiver}")], values))
    order = "ABBA" if values["first"] == values["receiver"] else "BABA"
    return prompt, f" {values['receiver']}", f" {values['giver']}", order
