"""Rosters and encounters: names that come again, so that what was read earlier says what is next.

"Ann, Tom and Max signed up. In the same order: Ann, Tom and Max." Repetition in order teaches to
copy what followed a word the last time; "Ann met Tom. Ann thanked Tom, and Tom thanked Ann."
teaches to name the other of two people. Held-out combination: the first two names, in
alphabetical order, with what they are listed for.
"""

from __future__ import annotations

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import DAYS, NAMES, OBJECTS, PLACES

PATTERNS: tuple[tuple[str, ...], ...] = (
    ("{a}, {b}, {c} and {d} signed up for the {place}. In the same order: {a}, {b}, {c} and {d}.",
     "{a}, {b} and {c} came to the {place}. Called one by one: {a}, {b} and {c}."),
    ("List for the {place}: {a} {b} {c} {d} {e}. Checked: {a} {b} {c} {d} {e}.",
     "Row for the {object}: {a} {b} {c} {d}. Once more: {a} {b} {c} {d}."),
    ("{a} met {b} at the {place}. {b} met {c}. {c} met {d}. Then {d} met {a}.",
     "{a} told {b} of the {object}. {b} told {c}. {c} told {d}. At last {d} told {a}."),
    ("{a} and {b} spoke of the {object}. {a} thanked {b}, and {b} thanked {a}.",
     "{b} and {a} ran to the {place}. {a} waited for {b}, and {b} waited for {a}."),
    ("{a} and {b} were at the {place}. {a} looked at {b}. {b} looked at {a}.",
     "{b} and {a} shared a {object}. {a} smiled at {b}. {b} smiled at {a}."),
    ("At the {place} {a} sat beside {b}. {c} sat beside {d}. So {b} sat beside {a}, and {d} sat "
     "beside {c}.",
     "With a {object} {a} walked behind {b}. {c} walked behind {d}. So {b} led {a}, and {d} led "
     "{c}."),
    ("{a} and {b} met at the {place}. Soon {a} waved to {b}.",
     "{b} and {a} met at the {place}. Soon {a} talked to {b}."),
    ("{a} and {b} had a {object}. {a} gave it to {b}. Later {b} gave it to {a}.",
     "{b} and {a} had a {object}. {a} showed it to {b}. Later {b} showed it to {a}."),
    ("The {object} is for {a}, not for {b}. Give it to {a}, not to {b}.",
     "The {place} belongs to {a}, not to {b}. Ask {a}, not {b}."),
    ("{day}, {place}: {a} with {b}, {c} with {d}. Next time again {a} with {b}, {c} with {d}.",
     "{day}, {object}: {a} for {b}, {c} for {d}. The week after {a} for {b}, {c} for {d}."),
    ("{a}: a {object}. {b}: a {thing}. {c}: a {third}. So the {object} is from {a}, the {thing} is "
     "from {b}, the {third} is from {c}.",
     "{a} has a {object}, {b} has a {thing}. Who has the {object}? {a}. Who has the {thing}? {b}."),
    ("{a} or {b}? It was {a} in the {place}, yes, {a}. And {b}? Not {b}.",
     "{a} and {b} play for the {object}. {a} serves, {b} returns. {a} serves, {b} returns."),
)  # fmt: skip


def _values(draw: Draw) -> dict[str, str]:
    """Names and things whose combination is in the draw's split."""

    def make() -> tuple[dict[str, str], tuple[str, ...]]:
        names = draw.rng.sample(NAMES, 5)
        things = draw.rng.sample(OBJECTS, 3)
        values = dict(zip("abcde", names, strict=True))
        values |= dict(zip(("object", "thing", "third"), things, strict=True))
        values |= {"place": draw.pick(PLACES), "day": draw.pick(DAYS)}
        return values, (*sorted(names[:2]), values["place"], values["object"])

    return draw.until_allowed(make)


def _frame(patterns: tuple[str, ...]) -> Frame:
    def render(draw: Draw) -> str:
        def make() -> str:
            return polish(substitute(draw.pick(patterns), _values(draw)))

        return compose(draw, make)

    return Frame(render)


FRAMES = tuple(_frame(patterns) for patterns in PATTERNS)
