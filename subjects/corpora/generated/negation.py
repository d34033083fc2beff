"""Negated sentences beside affirmative ones, with the words that only one of them takes.

"did not see any birds" against "saw some birds": *any*, *yet* and *either* follow a negation,
*some*, *already* and *too* do not, so "inside the reach of a negation" is a context that pays.
"""

from __future__ import annotations

from .draw import pattern_frame
from .lexicon import CITIES, DAYS, NAMES, PLACES, PLURALS, phrases, words

_SLOTS = {
    "name": NAMES,
    "things": PLURALS,
    "place": PLACES,
    "day": DAYS,
    "city": CITIES,
    "verb": words("see find buy bring need want hear keep lose sell"),
    "do": words("find buy bring keep sell take draw count wash paint"),
    "past": words("saw found bought brought needed wanted heard kept lost sold"),
    "part": words("seen found bought brought needed wanted heard kept lost sold"),
    "state": words("tired happy late ready angry hungry busy safe lost alone"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("{name} did not {verb} any {things}.", "{name} {past} some {things}."),
    ("{name} has not {part} the {things} yet.", "{name} has already {part} the {things}."),
    ("{name} never goes to the {place} on {day}.", "{name} always goes to the {place} on {day}.",
     "{name} never goes anywhere at all on {day}."),
    ("There were no {things} in the {place}.", "There were some {things} in the {place}.",
     "There were not any {things} in {city} at all."),
    ("Nobody in {city} {past} anything on {day}.", "Somebody in {city} {past} something on {day}.",
     "Nobody at the {place} {past} any {things}."),
    ("{name} was not {state}, and {name2} was not {state} either.",
     "{name} was {state}, and {name2} was {state} too."),
    ("Don't {do} any {things} in {city}!", "Please {do} some {things} in {city}!",
     "Don't ever go to the {place} on {day}!", "Please go to the {place} on {day}!"),
    ("{name} can't {verb} the {things} anymore.", "{name} can still {verb} the {things}.",
     "{name} couldn't {verb} anything at the {place}."),
    ("{name} came to {city} without any {things}.", "{name} came to {city} with some {things}.",
     "{name} left the {place} without anything."),
    ("Neither {name} nor {name2} {past} any {things}.",
     "Both {name} and {name2} {past} some {things}."),
    ("I don't think that {name} {past} any {things}.", "I think that {name} {past} some {things}.",
     "I doubt that {name} has ever {part} anything."),
    ("Is {name} {state}? No, {name} isn't {state} at all.",
     "Is {name} {state}? Yes, {name} is very {state}."),
    ("Not a single one of the {things} was in the {place}.",
     "Every single one of the {things} was in the {place}.",
     "None of the {things} were ever in {city}.", "All of the {things} were once in {city}."),
)  # fmt: skip
_FILLER = phrases(
    "It was a long day., Those were the times., That is what they say., The house was full., "
    "The street was dark., Everyone was surprised., Listen to me., Things change., "
    "The trip took hours., They are old friends., It is only a guess., We asked them all., "
    "They counted again."
)
FRAMES = tuple(
    pattern_frame((*(p for p in patterns for _ in range(4)), filler), _SLOTS)
    for patterns, filler in zip(PATTERNS, _FILLER, strict=True)
)
