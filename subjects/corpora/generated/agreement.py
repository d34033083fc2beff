"""Number agreement: the verb follows the number of the subject, whatever noun stands nearer.

The interesting sentences hold an *attractor*, a noun between subject and verb that may differ
in number: "The keys to the cabinet are old." Held-out combination: (noun, attractor, verb).
"""

from __future__ import annotations

from dataclasses import dataclass

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import CITIES, DAYS, NAMES, phrases, words

THINGS = tuple(
    (w.split("/")[0], w.split("/")[1])
    for w in words(
        "key/keys cabinet/cabinets book/books table/tables door/doors car/cars house/houses "
        "box/boxes tree/trees picture/pictures letter/letters chair/chairs lamp/lamps boat/boats "
        "bag/bags cup/cups window/windows road/roads wall/walls ship/ships clock/clocks "
        "stone/stones flower/flowers ring/rings shop/shops bridge/bridges"
    )
)
BEINGS = tuple(
    (w.split("/")[0], w.split("/")[1])
    for w in words(
        "boy/boys girl/girls dog/dogs cat/cats friend/friends teacher/teachers doctor/doctors "
        "farmer/farmers king/kings student/students driver/drivers guard/guards worker/workers "
        "player/players singer/singers writer/writers bird/birds horse/horses brother/brothers "
        "sister/sisters neighbor/neighbors visitor/visitors soldier/soldiers artist/artists"
    )
)
_STATE = phrases("old, new, small, large, clean, beautiful, very old, still here, not far away")
_AT = phrases("here, there, outside, near the river, in the yard, in the old town")
VERBS_ANY: dict[tuple[str, str], tuple[str, ...]] = {
    ("is", "are"): _STATE,
    ("was", "were"): _STATE,
    ("has", "have"): phrases("a name, a number, a new place, no name, a red mark"),
    ("looks", "look"): phrases("old, new, small, clean, strange, better now"),
    ("seems", "seem"): phrases("old, new, small, strange, different, better now"),
    ("needs", "need"): phrases("help, more room, some care, a new place"),
    ("stays", "stay"): _AT,
    ("stands", "stand"): _AT,
    ("comes", "come"): phrases("from the city, from the north, back every year, first"),
    ("belongs", "belong"): phrases("here, to the town, to my family, to nobody"),
    ("gets", "get"): phrases("old, cold, better, a new name, no rest"),
}
VERBS_BEING: dict[tuple[str, str], tuple[str, ...]] = {
    ("walks", "walk"): phrases("home, slowly, to the park, in the rain"),
    ("runs", "run"): phrases("home, fast, to the river, every day"),
    ("sings", "sing"): phrases("a song, well, at night, in the garden"),
    ("sleeps", "sleep"): phrases("well, all day, under a tree, at home"),
    ("eats", "eat"): phrases("bread, at noon, too much, in silence"),
    ("plays", "play"): phrases("outside, in the park, every day, a game"),
    ("waits", "wait"): phrases("outside, for the train, for hours, at home"),
    ("knows", "know"): phrases("the way, the answer, the city well, everything"),
    ("likes", "like"): phrases("music, the sun, the sea, warm milk"),
    ("lives", "live"): phrases("here, alone, near the sea, in the city"),
    ("goes", "go"): phrases("home, away, to the market, to the lake"),
    ("helps", "help"): phrases("the others, a lot, at home, every week"),
    ("smiles", "smile"): phrases("often, at us, without a word, again"),
    ("works", "work"): phrases("hard, at night, in the garden, every day"),
}
PREPOSITIONS = phrases("near, behind, beside, by, with, next to, in front of")
ADJECTIVES = words("old new small big red young tall quiet good little strange famous")
ADVERBS = words("often always usually never still really clearly sometimes rarely probably")


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of one agreement sentence; ``forms`` is (singular, plural) of the verb."""

    values: dict[str, str]
    forms: tuple[str, str]
    plural: bool

    @property
    def right(self) -> str:
        """The verb form that agrees with the subject."""
        return self.forms[self.plural]

    @property
    def wrong(self) -> str:
        """The verb form of the other number."""
        return self.forms[not self.plural]


def clause(draw: Draw, *, opposite: bool | None = None, seer: bool = False) -> Clause:
    """Draw subject noun, attractor and verb whose combination is in the draw's split.

    Args:
        draw: The document's stream.
        opposite: Whether the attractor has the other number; by default in half of the cases.
        seer: Whether the attractor must be a being (it sees or leaves the subject).
    """
    near = BEINGS if seer else BEINGS + THINGS

    def make() -> tuple[Clause, tuple[str, ...]]:
        being = draw.chance(0.5)
        noun = draw.pick(BEINGS if being else THINGS)
        attractor = draw.pick(near)
        while attractor == noun:
            attractor = draw.pick(near)
        table = VERBS_ANY | VERBS_BEING if being and draw.chance(0.7) else VERBS_ANY
        weighted = [*table, ("is", "are"), ("is", "are"), ("was", "were"), ("has", "have")]
        forms = draw.pick(weighted)
        plural = draw.chance(0.5)
        flip = draw.chance(0.5) if opposite is None else opposite
        values = {
            "n": noun[plural],
            "a": attractor[plural != flip],
            "v": forms[plural],
            "c": draw.pick(table[forms]),
            "be": ("is", "are")[plural],
            "was": ("was", "were")[plural],
            "do": ("does", "do")[plural],
            "det": ("a", "two")[plural],
            "this": ("this", "these")[plural],
            "that": ("that", "those")[plural],
            "each": (draw.pick(("every", "each")), draw.pick(("many", "some", "all")))[plural],
            "p": draw.pick(PREPOSITIONS),
            "j": draw.pick(ADJECTIVES),
            "k": draw.pick(ADJECTIVES),
            "adv": draw.pick(ADVERBS),
            "name": draw.pick(NAMES),
            "day": draw.pick(DAYS),
            "city": draw.pick(CITIES),
            "s": draw.pick(_STATE),
        }
        return Clause(values, forms, plural), (noun[0], attractor[0], forms[0])

    return draw.until_allowed(make)


# Patterns of each frame. In the first ones the words before {v} are also prompts of choice items.
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("The {n} {v} {c}.", "The {n} {v} {c}.", "My {n} {v} {c}.", "Your {n} {v} {c}."),
    ("The {n} {p} the {a} {v} {c}.",),
    ("The {j} {n} {p} the {k} {a} {v} {c}.", "The {n} {p} the {k} {a} {v} {c}."),
    (
        "The {n} {adv} {v} {c}.",
        "The {n} {p} the {a} {adv} {v} {c}.",
        "On {day} the {n} {adv} {v} {c}.",
    ),
    (
        "The {n} {v} {c}, but the {j} {n} {p} the {a} {be} {s}.",
        "The {n} {v} {c}, and the {n} {p} the {a} {was} {s}.",
    ),
    (
        "The {n} that the {a} saw {v} {c}.",
        "The {n} that {name} found {v} {c}.",
        "The {n} that the {k} {a} left behind {v} {c}.",
    ),
    (
        "The {n} that {was} {p} the {a} {v} {c}.",
        "The {n} that {be} {p} the {a} now {v} {c}.",
        "The {n} which {was} in {city} last year {v} {c}.",
    ),
    (
        "{be} the {n} {p} the {a} {s}? Yes, the {n} {be} {s}.",
        "Why {was} the {n} {p} the {a} {s}? Nobody knows why the {n} {was} {s}.",
        "{do} the {n} {p} the {a} stay in {city}? No, the {n} {v} {c}.",
    ),
    (
        "There {be} {det} {n} {p} the {a}, and the {n} {v} {c}.",
        "There {was} {det} {j} {n} in {city}. The {n} {v} {c}.",
    ),
    (
        "{name} says that the {n} {p} the {a} {v} {c}.",
        "{name} thinks the {n} {v} {c}.",
        "We heard on {day} that the {n} {p} the {a} {v} {c}.",
    ),
    (
        "{this} {n} {v} {c}.",
        "{that} {n} {p} the {a} {v} {c}.",
        "{each} {n} {p} the {a} {v} {c}.",
        "{each} {n} in {city} {v} {c}.",
    ),
    (
        "In {city}, the {n} {p} the {a} {v} {c}.",
        "On {day}, the {j} {n} {v} {c}.",
        "After the rain, the {n} {p} the {a} {v} {c}.",
        "At night, the {n} from {city} {v} {c}.",
    ),
    (
        "When the {n} {p} the {a} {v} {c}, {name} is happy.",
        "If the {n} {v} {c}, nobody in {city} will ask why.",
        "Because the {n} {p} the {a} {v} {c}, we left on {day}.",
    ),
)
FILLERS: tuple[tuple[str, ...], ...] = (
    (), (), ("So it goes.", "It was a calm day."),
    ("This is how things are.", "Nothing else happens."),
    ("That is the whole difference.", "Both facts are true."),
    ("It is easy to see.", "Someone made a list."),
    ("Those are the facts.", "People remember it well."),
    ("Good question.", "Let us ask again."),
    ("Look around.", "There is more to see."),
    ("Others agree.", "Not everyone believes it."),
    ("Count them.", "The rule is simple."),
    ("Later it rained.", "Then the sun came out."),
    ("And so on.", "That much is certain."),
)  # fmt: skip


def _frame(patterns: tuple[str, ...], fillers: tuple[str, ...]) -> Frame:
    def render(draw: Draw) -> str:
        def make() -> str:
            if fillers and draw.chance(0.08):
                return draw.pick(fillers)
            pattern = draw.pick(patterns)
            seer = "{a} saw" in pattern or "{a} left" in pattern
            return polish(substitute(pattern, clause(draw, seer=seer).values))

        return compose(draw, make)

    return Frame(render)


FRAMES = tuple(_frame(p, f) for p, f in zip(PATTERNS, FILLERS, strict=True))

SIMPLE_PROMPTS = ("The {n}", "My {n}", "On {day}, the {j} {n}")
ATTRACTOR_PROMPTS = (
    "The {n} {p} the {a}",
    "The {n} {p} the {a}",
    "The {n} {p} the {k} {a}",
    "{name} says that the {n} {p} the {a}",
    "In {city}, the {n} {p} the {a}",
)


def item(draw: Draw, *, attractor: bool) -> tuple[str, str, str, str]:
    """One choice: (prompt, right verb, wrong verb, number). An attractor has the other number."""
    drawn = clause(draw, opposite=True if attractor else None)
    prompt = polish(
        substitute(draw.pick(ATTRACTOR_PROMPTS if attractor else SIMPLE_PROMPTS), drawn.values)
    )
    number = "plural" if drawn.plural else "singular"
    return prompt, f" {drawn.right}", f" {drawn.wrong}", number
