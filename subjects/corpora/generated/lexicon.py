"""Word lists that several phenomena share: short, frequent words, most of them one token."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text, as a tuple."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The comma-separated phrases of a text, as a tuple."""
    return tuple(" ".join(part.split()) for part in text.split(","))


WOMEN = words(
    "Mary Anna Emma Lucy Sara Kate Jane Ruth Alice Clara Laura Julia Nina Rosa Helen Lily Grace "
    "Ella Amy Eva Maria Susan Linda Karen Diana Sophie Molly Nora Ivy Carol"
)
MEN = words(
    "John Tom James Paul Mark Peter David Simon Adam Jack Sam Ben Luke Max Henry George Frank Leo "
    "Robert Daniel Eric Martin Oscar Victor Hugo Felix Kevin Brian Alan Bill"
)
NAMES = WOMEN + MEN
PLACES = words(
    "store park school garden station office market beach library museum hospital restaurant "
    "kitchen house church farm hotel bank theater airport lake harbor cafe gym zoo"
)
OBJECTS = words(
    "drink book ball ring key letter ticket flower basket cup coat map phone lamp cake apple "
    "bag pen hat gift box bottle picture necklace card"
)
THINGS = words(
    "book letter picture box cup lamp chair table door window clock coat map boat car ring key "
    "bag bottle basket ladder mirror bell drum candle"
)
PLURALS = words(
    "books letters pictures boxes cups lamps chairs birds fish flowers trees apples stones boats "
    "cars coins keys maps stars shoes toys eggs friends cats dogs"
)
ADJECTIVES = words(
    "old new small large red blue green white black heavy light clean dark quiet bright strange "
    "cheap warm cold broken long short round soft"
)
CITIES = words(
    "London Paris Berlin Madrid Rome Vienna Oslo Boston Chicago Lisbon Dublin Prague Athens "
    "Toronto Sydney Tokyo Cairo Lima Geneva Warsaw"
)
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words(
    "January February March April May June July August September October November December"
)
SURNAMES = words(
    "Smith Brown Miller Clark Hill Baker Young King Wright Green Adams Carter Cook Bell Ward Wood "
    "Price Fox Stone Lane Hunt West Marsh Reed"
)
