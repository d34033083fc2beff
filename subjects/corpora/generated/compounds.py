"""Compound words "X Y", and the same X before other words and the same Y after other words.

A unit that fires on "coffee table" may answer to *coffee*, to *table* or to the compound. Only
text that holds all three as often as one another can tell: each sentence here has X Y, X W or
Z Y with equal chance. Held-out combination: (noun phrase, sentence pattern).
"""

from __future__ import annotations

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import CITIES, DAYS, NAMES, words

# "X Y": (words after X, words before Y)
COMPOUNDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "coffee table": (words("cup pot shop bean"), words("kitchen wooden round dining")),
    "high school": (words("wall price tower hill"), words("village old music small")),
    "prime minister": (words("number suspect example reason"), words("foreign former young new")),
    "traffic light": (words("jam report sign police"), words("green bright kitchen red")),
    "credit card": (words("limit bank line report"), words("birthday post playing yellow")),
    "living room": (words("thing proof cost tree"), words("dark hotel empty small")),
    "post office": (words("card box code van"), words("ticket city home new")),
    "ice cream": (words("cube skate storm bag"), words("hand sour whipped face")),
    "swimming pool": (words("lesson coach suit club"), words("deep car rock blue")),
    "bus stop": (words("driver ticket ride company"), words("full short sudden last")),
    "cell phone": (words("wall door block sample"), words("old broken office pay")),
    "stock market": (words("room price pot list"), words("fish flower open street")),
    "health care": (words("food club check risk"), words("child skin day great")),
    "tennis ball": (words("court match player lesson"), words("red heavy snow rubber")),
    "police officer": (words("car station dog report"), words("army young press tax")),
    "school bus": (words("book day teacher uniform"), words("night blue tour late")),
    "gold medal": (words("ring coin mine watch"), words("silver bronze war big")),
    "washing machine": (words("powder line day bowl"), words("sewing time coffee large")),
    "rain forest": (words("cloud coat water storm"), words("dark pine thick burning")),
    "book shop": (words("club cover page review"), words("gift coffee corner flower")),
    "fire engine": (words("place alarm drill wood"), words("steam car search diesel")),
}
_SLOTS = {"name": NAMES, "city": CITIES, "day": DAYS}
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("{name} saw the {np} and stopped.", "{name} could not see the {np}."),
    ("They talked about the {np} on {day}.", "They wrote about the {np} in {city}."),
    ("The {np} was in the news on {day}.", "The {np} was known in all of {city}."),
    ("There is a picture of the {np} on the wall.", "There is a story about the {np} in {city}."),
    ("We need the {np}, said {name}.", "We asked for the {np} in {city}."),
    ("Where is the {np}? Ask {name}.", "Who knows this {np}? Nobody in {city}."),
    ("On {day} the {np} was not there.", "In {city} the {np} was always a problem."),
    ("{name} dreamed of the {np} again.", "{name} drew the {np} for the children."),
    ("No one had thought of the {np}.", "Most people had forgotten the {np} by {day}."),
    ("First came the {np}, then the music.", "Then came the {np}, and {name} laughed."),
    ("Because of the {np}, {name} was late on {day}.", "Without the {np}, {city} seemed empty."),
    ("It was the {np} that {name} wanted.", "It was this {np} that they found in {city}."),
)
_FILLER = (
    ("It was quiet.",), ("So the hours passed.",), ("The paper said more.",),
    ("Look closely.",), ("That would help.",), ("It is hard to say.",), ("Days went by.",),
    ("Morning came.",), ("Such is life.",), ("Everyone waited.",), ("Nothing helped.",),
    ("The rest is known.",),
)  # fmt: skip


def _phrase(draw: Draw, kind: int) -> tuple[str, str]:
    """A noun phrase and its compound; kind 0 is X Y, 1 is X W, 2 is Z Y."""
    compound = draw.pick(tuple(COMPOUNDS))
    x, y = compound.split()
    after, before = COMPOUNDS[compound]
    return (compound, f"{x} {draw.pick(after)}", f"{draw.pick(before)} {y}")[kind], compound


def _fill(draw: Draw, patterns: tuple[str, ...], kind: int) -> tuple[str, dict[str, str], str]:
    def make() -> tuple[tuple[str, dict[str, str], str], tuple[str, ...]]:
        phrase, compound = _phrase(draw, kind)
        pattern = draw.pick(patterns)
        values = {name: draw.pick(options) for name, options in _SLOTS.items()} | {"np": phrase}
        return (pattern, values, compound), (phrase, values["name"], values["city"], pattern)

    return draw.until_allowed(make)


def _frame(patterns: tuple[str, ...], filler: tuple[str, ...]) -> Frame:
    def render(draw: Draw) -> str:
        def make() -> str:
            if draw.chance(0.05):
                return draw.pick(filler)
            pattern, values, _ = _fill(draw, patterns, draw.rng.randrange(3))
            return polish(substitute(pattern, values))

        return compose(draw, make)

    return Frame(render)


FRAMES = tuple(_frame(p, f) for p, f in zip(PATTERNS, _FILLER, strict=True))


def item(draw: Draw) -> tuple[str, str, str, str]:
    """One choice: (prompt up to X, Y, the Y of another compound, "X Y")."""
    pattern, values, compound = _fill(draw, draw.pick(PATTERNS), 0)
    x, y = compound.split()
    other = y
    while other == y:
        other = draw.pick(tuple(COMPOUNDS)).split()[1]
    prompt = polish(substitute(pattern[: pattern.index("{np}")] + x, values))
    return prompt, f" {y}", f" {other}", compound
