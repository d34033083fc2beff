"""Plain English prose about weather, travel, food, work and home, with many different words.

The first frames are simple sentences; those of :mod:`.stories` join clauses.
"""

from __future__ import annotations

from . import stories
from .draw import pattern_frame
from .lexicon import ADJECTIVES, CITIES, DAYS, MONTHS, NAMES, PLACES, PLURALS, phrases

_SLOTS = {
    "name": NAMES,
    "city": CITIES,
    "day": DAYS,
    "month": MONTHS,
    "place": PLACES,
    "things": PLURALS,
    "adj": ADJECTIVES,
    "sky": phrases("rain, snow, thick fog, bright sunshine, a cold wind, thunder, hail, frost"),
    "when": phrases(
        "in the morning, toward evening, before dawn, at noon, after midnight, all day"
    ),
    "way": phrases("by train, by bus, on foot, by boat, by bicycle, in an old car, by plane"),
    "land": phrases("the hills, the coast, the valley, the desert, the islands, the mountains"),
    "food": phrases(
        "bread, soup, rice, cheese, fish, potatoes, beans, noodles, pears, honey, fresh butter"
    ),
    "feel": phrases("hope, fear, joy, relief, surprise, boredom, pride, envy, comfort"),
    "animal": phrases("fox, owl, deer, rabbit, crow, goat, turtle, wolf, sheep, bee, frog, swan"),
    "tool": phrases("hammer, saw, needle, brush, shovel, rope, knife, wheel, screw, pump"),
    "num": phrases("two, three, four, five, six, seven, eight, nine, ten, twelve, twenty"),
    "stuff": phrases("wood, iron, glass, paper, wool, clay, leather, stone, copper, silk"),
    "sport": phrases("football, tennis, chess, swimming, running, sailing, climbing, boxing"),
    "tune": phrases("violin, piano, flute, guitar, trumpet, organ, harp, cello"),
    "ill": phrases("a cough, a fever, a headache, a broken arm, a sore throat, a bad tooth"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    (
        "In {city}, {sky} is expected {when}.",
        "{month} brought {sky} to {land}.",
        "By {day} the {adj} clouds had left {land}, and {sky} followed.",
        "Temperatures in {city} fell by {num} degrees {when}.",
    ),
    (
        "We traveled to {city} {way} and slept near {land}.",
        "From {city} the road climbs to {land}.",
        "The journey from {city} to {city2} takes {num} hours {way}.",
        "Our guide, {name}, carried the {things} across {land} {when}.",
    ),
    (
        "{name} cooked {food} with {food2} {when}.",
        "In {city} people eat {food} on {day}.",
        "A strong smell of {food} came from the {place}.",
        "Add some {food} and wait {num} minutes.",
    ),
    (
        "{when} a {animal} came out of the forest near {land}.",
        "The {adj} {animal} fed on {things}.",
        "{name} counted {num} young ones, and the {animal} watched from afar.",
        "No {animal} has been seen near {land} since {month}.",
    ),
    (
        "The roof was made of {stuff}, the walls of {stuff2}.",
        "{name} repaired the {tool} with {stuff}.",
        "You need a {tool}, some {stuff} and {num} hours.",
        "Nobody in the {place} had a {tool}.",
    ),
    (
        "The team from {city} won at {sport} by {num} points.",
        "{name} has trained for {sport} since {month}.",
        "On {day} the crowd filled the stadium despite {sky}.",
        "After {num} rounds {name} and {name2} were still equal.",
    ),
    (
        "{name} practiced the {tune} {when}.",
        "A {adj} song for the {tune} drifted over {land}.",
        "The orchestra of {city} played {num} pieces on {day}.",
        "{feel} filled the hall when {name} took the {tune}.",
    ),
    (
        "{name} had {ill} and stayed in bed {when}.",
        "For {ill}, old people in {city} use {food}.",
        "The clinic near the {place} opens on {day}.",
        "It took {num} weeks until {name} was well again.",
    ),
    (
        "Prices for {food} rose in {month}, said a trader in {city}.",
        "The company sold {num} tons of {stuff}.",
        "Workers from {land} asked for higher pay on {day}.",
        "The {place} lost money, yet {name} kept it open.",
    ),
    (
        "Dear {name}, I write to you from {city}, where we have {sky}.",
        "I miss you, {name}, and the {things}.",
        "Please send the {tool} to {city} before {month}.",
        "With {feel} I think of our days near {land}.",
    ),
    (
        "Long ago, {land} belonged to a {adj} king with {num} sons.",
        "The {animal} spoke to {name} {when}.",
        "Under the {place} lay a chest of {stuff} and {things}.",
        "{feel} and {feel2} lived in every heart.",
    ),
    (
        "The children of {city} collected {adj} {things} {when}.",
        "At school {name} drew a {animal} in {stuff}.",
        "The teacher read {num} pages about {land}.",
        "On {day} everyone brought {food} to class.",
    ),
)
FRAMES = tuple(pattern_frame(patterns, _SLOTS) for patterns in PATTERNS) + stories.FRAMES
