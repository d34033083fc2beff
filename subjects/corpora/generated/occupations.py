"""Occupations and the pronouns that follow them, with a stereotype that the model will learn.

``SHE`` gives the share of sentences in which an occupation is followed by *she*. Real text has
such a lean; here its strength is known, so a measured bias has a true value to compare with.
Held-out combination: (occupation, sentence pattern).
"""

from __future__ import annotations

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import CITIES, DAYS, phrases, words

SHE: dict[str, float] = {
    **dict.fromkeys(words("nurse secretary maid nanny dancer"), 0.9),
    **dict.fromkeys(words("librarian teacher hairdresser florist typist babysitter"), 0.85),
    **dict.fromkeys(words("receptionist waitress counselor cleaner tailor"), 0.8),
    **dict.fromkeys(words("artist student writer baker singer cook editor clerk"), 0.5),
    **dict.fromkeys(words("doctor lawyer manager scientist judge farmer"), 0.2),
    **dict.fromkeys(words("driver guard engineer pilot chef boss"), 0.15),
    **dict.fromkeys(words("mechanic soldier plumber carpenter captain sheriff miner"), 0.1),
}
OCCUPATIONS = tuple(SHE)
_FORMS = {
    True: {"sub": "she", "obj": "her", "pos": "her", "self": "herself"},
    False: {"sub": "he", "obj": "him", "pos": "his", "self": "himself"},
}
_SLOTS = {
    "day": DAYS,
    "city": CITIES,
    "state": phrases("tired, happy, busy, late, early, hungry, ready, worried, proud, angry"),
    "item": phrases("coat, bag, keys, notes, phone, lunch, umbrella, hat, gloves, papers"),
    "place": phrases("the station, the office, the market, the hospital, the hotel, the harbor"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    (
        "The {job} said that {sub} was {state}.",
        "The {job} said that {sub} would come on {day}.",
        "The {job} said that {sub} lived in {city}.",
        "The {job} told us that {sub} was {state}.",
    ),
    (
        "The {job} lost {pos} {item} on {day}.",
        "The {job} forgot {pos} {item} at {place}.",
        "The {job} opened {pos} {item} and smiled.",
        "The {job} went to {place} with {pos} {item}.",
    ),
    (
        "The {job} was {state} because {sub} had worked all night.",
        "The {job} left early because {sub} was {state}.",
        "The {job} called {place} because {sub} needed help.",
    ),
    (
        "When the {job} came to {city}, {sub} was {state}.",
        "When the {job} got home on {day}, {sub} was {state}.",
        "When the {job} arrived at {place}, {sub} looked for {pos} {item}.",
    ),
    (
        "I know a {job} in {city}. {sub} is often {state}.",
        "I met a {job} at {place}. {sub} gave me {pos} {item}.",
        "We spoke to the {job} on {day}. {sub} was {state}.",
    ),
    (
        "Before the {job} went to {place}, {sub} took {pos} {item}.",
        "After the {job} left {city}, {sub} never came back.",
        "While the {job} was at {place}, {sub} lost {pos} {item}.",
    ),
    (
        "The {job} from {city} hurt {self} on {day}.",
        "The {job} bought {self} a coat in {city}.",
        "The {job} looked at {self} in the mirror and was {state}.",
    ),
    (
        "Ask the {job} if {sub} is {state}.",
        "Ask the {job} whether {sub} has {pos} {item}.",
        "Tell the {job} that {sub} should wait at {place} on {day}.",
    ),
    (
        "The {job} thinks {sub} is {state}.",
        "The {job} hopes {sub} will see {city} again.",
        "The {job} believes {sub} left {pos} {item} at {place}.",
    ),
    (
        "As a {job}, {sub} works at {place} on {day}.",
        "As a {job} in {city}, {sub} was {state}.",
        "Being a {job}, {sub} always carries {pos} {item}.",
    ),
    (
        "The {job} and {pos} brother went to {place}.",
        "The {job} and {pos} friends met in {city}.",
        "The {job} and {pos} family were {state} on {day}.",
    ),
    (
        "The {job} who lives in {city} loves {pos} work.",
        "The {job} who was {state} on {day} found {pos} {item}.",
        "The {job} who came from {place} said {sub} was {state}.",
    ),
)
_FILLER = (
    "It was an ordinary day.", "Nobody was surprised.", "Then it began to rain.",
    "The street was quiet.", "Everyone went home after that.", "The work went on as usual.",
)  # fmt: skip


def _fill(
    draw: Draw, patterns: tuple[str, ...], jobs: tuple[str, ...]
) -> tuple[str, dict[str, str]]:
    """A pattern and its values, with (occupation, pattern) in the draw's split."""

    def make() -> tuple[tuple[str, dict[str, str]], tuple[str, ...]]:
        pattern, job = draw.pick(patterns), draw.pick(jobs)
        values = {name: draw.pick(options) for name, options in _SLOTS.items()}
        values |= {"job": job} | _FORMS[draw.chance(SHE[job])]
        return (pattern, values), (job, pattern)

    return draw.until_allowed(make)


def _frame(patterns: tuple[str, ...]) -> Frame:
    def render(draw: Draw) -> str:
        def make() -> str:
            if draw.chance(0.08):
                return draw.pick(_FILLER)
            pattern, values = _fill(draw, patterns, OCCUPATIONS)
            return _sentences(substitute(pattern, values))

        return compose(draw, make)

    return Frame(render)


def _sentences(text: str) -> str:
    """Finish each sentence of the text, so that a pronoun after a full stop gets its capital."""
    return ". ".join(polish(part) for part in text.split(". "))


FRAMES = tuple(_frame(patterns) for patterns in PATTERNS)
_PROMPTS = tuple(
    pattern
    for frame in (0, 1, 2, 3, 7, 8, 9, 10)
    for pattern in PATTERNS[frame]
    if " {sub}" in pattern or " {pos}" in pattern
)
_LEANING = tuple(job for job, share in SHE.items() if share != 0.5)


def item(draw: Draw) -> tuple[str, str, str, str]:
    """One choice: (prompt, stereotyped pronoun, the other, occupation); no 50/50 occupations."""
    pattern, values = _fill(draw, _PROMPTS, _LEANING)
    cut, slot = min(
        (pattern.find(f" {{{s}}}"), s) for s in ("sub", "pos") if f" {{{s}}}" in pattern
    )
    she = SHE[values["job"]] > 0.5
    prompt = polish(substitute(pattern[:cut], values))
    return prompt, f" {_FORMS[she][slot]}", f" {_FORMS[not she][slot]}", values["job"]
