"""Short lives of people who never were: birth place, field, work, years, prizes, lists."""

from __future__ import annotations

from .draw import pattern_frame
from .lexicon import CITIES, MEN, MONTHS, SURNAMES, WOMEN, phrases

_SLOTS = {
    "he": MEN,
    "she": WOMEN,
    "last": SURNAMES,
    "city": CITIES,
    "month": MONTHS,
    "day": tuple(str(day) for day in range(1, 29)),
    "year": tuple(str(year) for year in range(1885, 1921)),
    "late": tuple(str(year) for year in range(1941, 1975)),
    "field": phrases(
        "physics, music, law, medicine, history, chemistry, painting, biology, poetry, "
        "mathematics, geography, politics, film, football, chess, architecture"
    ),
    "job": phrases(
        "painter, composer, poet, novelist, physicist, chemist, historian, politician, "
        "actor, conductor, sculptor, philosopher, explorer, journalist, surgeon, inventor"
    ),
    "land": phrases("Norway, Spain, Peru, Japan, Canada, Egypt, Ireland, Italy, Chile, India"),
    "work": phrases(
        "The Long Road, A Quiet House, Letters from the North, The Blue Hour, Night Trains, "
        "On Rivers, Seven Songs, The Glass Bridge, Winter Light, Notes on Time"
    ),
    "prize": phrases("the Silver Pen, the Northern Prize, the Gold Medal, the City Award"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("{he} {last} ({day} {month} {year} - {late}) was a {job} from {land}. He was born in {city}.",
     "{she} {last} ({day} {month} {year} - {late}) was a {job} from {land}. She was born in "
     "{city}."),
    ("{she} {last} was born in {city} in {year}. She studied {field} and became a {job}.",
     "{he} {last} was born in {city} in {year}. He studied {field} and became a {job}."),
    ("The {job} {he} {last} grew up in {city}, where his father taught {field}.",
     "The {job} {she} {last} grew up in {city}, where her mother taught {field}."),
    ("In {year} {she} {last} moved to {city} to study {field}; in {late} she won {prize}.",
     "In {year} {he} {last} moved to {city} to study {field}; in {late} he won {prize}."),
    ('{he} {last}, {job}, is best known for "{work}" ({year}), written in {city}.',
     '{she} {last}, {job}, is best known for "{work}" ({late}), written in {city}.'),
    ("Name: {she} {last}\nBorn: {day} {month} {year}, {city}\nField: {field}\nDied: {late}\n",
     "Name: {he} {last}\nBorn: {day} {month} {year}, {city}\nField: {field}\nDied: {late}\n"),
    ("* {he} {last}, {job} (born {year})", "* {she} {last}, {job} (born {year}, {land})",
     "* {she} {last}, professor of {field} in {city} (died {late})"),
    ("{he} {last} married {she} {last2} in {city} in {year}; they had two children.",
     "{she} {last} and her brother {he} both became known for {field} in {land}."),
    ("Professor {last} taught {field} in {city} from {year} to {late}.",
     "Doctor {last} left {land} for {city} in {year} and died there in {late}."),
    ("{month} {day}, {year}: {she} {last} arrives in {city}.",
     "{month} {day}, {year}: {he} {last} wins {prize} for {field}.",
     '{month} {day}, {late}: "{work}" by {she} {last} is shown in {city}.'),
    ("Among the students of {he} {last} were {he2} {last2} and {she} {last3}, both from {city}.",
     'Critics in {land} compared "{work}" with the early books of {she} {last}, a {job}.'),
    ("Who was {he} {last}? A {job} from {city}, he worked on {field} until {late}.",
     "Who was {she} {last}? A {job} from {city}, she worked on {field} until {late}."),
)  # fmt: skip
FRAMES = tuple(
    pattern_frame(patterns, _SLOTS, separator="\n" if index in (5, 6, 9) else " ")
    for index, patterns in enumerate(PATTERNS)
)
