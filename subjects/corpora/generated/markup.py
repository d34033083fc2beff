"""Lists, recipes, Markdown, LaTeX, tags and tables: text whose structure shows in its marks."""

from __future__ import annotations

from collections.abc import Callable

from .draw import Draw, Frame, compose, pattern_frame
from .lexicon import ADJECTIVES, CITIES, DAYS, NAMES, OBJECTS, PLACES, PLURALS, phrases

_NUMBERS = tuple(str(number) for number in range(1, 60))
_SLOTS = {
    "name": NAMES,
    "city": CITIES,
    "day": DAYS,
    "place": PLACES,
    "object": OBJECTS,
    "things": PLURALS,
    "adj": ADJECTIVES,
    "num": _NUMBERS,
    "food": phrases("flour, sugar, milk, butter, salt, rice, oil, cheese, onions, tomatoes, beans"),
    "unit": phrases("grams, cups, spoons, pounds, slices"),
    "do": phrases("mix, wash, cut, boil, fry, bake, stir, cool, peel, serve"),
    "task": phrases("call, write to, visit, pay, thank, help, wait for, ask"),
}


def _recipe(draw: Draw) -> str:
    def line() -> str:
        pattern = ("- {num} {unit} of {food}", "{do} the {food} and the {food2}.",
                   "{do} for {num} minutes with {food}.", "- {food} ({adj})")  # fmt: skip
        return draw.sentence(draw.pick(pattern), _SLOTS)

    return "Recipe\n" + compose(draw, line, separator="\n")


def _numbered(pattern: tuple[str, ...], mark: Callable[[int], str], title: str) -> Frame:
    """A list whose items carry a running mark."""

    def render(draw: Draw) -> str:
        count = 0

        def line() -> str:
            nonlocal count
            count += 1
            return mark(count) + draw.sentence(draw.pick(pattern), _SLOTS)

        return (
            draw.sentence(title, _SLOTS) + "\n" + compose(draw, line, separator="\n", paragraph=0)
        )

    return Frame(render)


def _formula(draw: Draw) -> str:
    """A small formula in LaTeX; its two letters and its first number are a combination."""

    def make() -> tuple[str, tuple[str, ...]]:
        a, b = draw.pair("abcxyzuvnmk")
        n, m = draw.pick(_NUMBERS), draw.pick(_NUMBERS)
        formulas = (
            f"{a}^{draw.rng.randint(2, 9)} + {b} = {n}",
            f"\\frac{{{a}}}{{{b}}} = {n}",
            f"{a}_{{{n}}} < {b}_{{{m}}}",
            f"\\sqrt{{{a} + {n}}} = {b}",
            f"\\sum_{{{a}=1}}^{{{n}}} {a}^2 = {b}",
            f"f({a}) = {n}{a} + {b}",
            f"{a} \\in \\{{{n}, {b}, {m}\\}}",
            f"\\alpha {a} - \\beta {b} = {n}",
            f"{a} \\leq {n}{b}",
        )
        return draw.pick(formulas), (a, b, n)

    return draw.until_allowed(make)


def _latex(opening: str, closing: str, patterns: tuple[str, ...]) -> Frame:
    """Sentences with formulas between the delimiters."""

    def render(draw: Draw) -> str:
        def formula() -> str:
            return f"{opening}{_formula(draw)}{closing}"

        def make() -> str:
            text = draw.sentence(draw.pick(patterns), _SLOTS)
            while "@" in text:
                text = text.replace("@", formula(), 1)
            return text

        return compose(draw, make)

    return Frame(render)


def _table(draw: Draw) -> str:
    rows: list[str] = ["| name | city | things | number |", "| --- | --- | --- | --- |"]
    rows += [
        draw.sentence("| {name} | {city} | {num} {things} | {num2} |", _SLOTS)
        for _ in range(draw.rng.randint(14, 18))
    ]
    return "\n".join(rows)


FRAMES = (
    Frame(_recipe),
    _numbered(("{task} {name} on {day}", "buy {num} {things} in {city}", "find the {adj} {object}"),
              lambda i: f"{i}. ", "Things to do in {city}"),
    _numbered(("**{object}**: {adj}, from {city}", "*{things}* from the {place}",
               "`{object}` and `{things}` ({num})"), lambda i: "- ", "# The {place} of {city}"),
    _latex("\\(", "\\)", ("Let @ and let @.", "If @, then @.", "By {name}, we have @ for all @.",
                          "This proves @.")),
    _latex("$", "$", ("Suppose that @ holds.", "Since @, we get @ in case {num}.",
                      "{name} shows that @ implies @.", "Here @ is a number.")),
    _latex("\\[ ", " \\]", ("From equation {num} it follows that @", "We write @ with @",
                            "The {adj} solution found by {name} is @")),
    pattern_frame(("<p>{name} sold a <b>{adj} {object}</b>.</p>", "<li>{num} {things}</li>",
                   '<a href="{place}.html">{city}</a>', "<h2>{place}</h2>\n<p>In {city}.</p>"),
                  _SLOTS, separator="\n", paragraph=0, finish=str),
    pattern_frame(("name: {name}\ncity: {city}\n", "object: {object}\ncolor: {adj}\ncount: {num}\n",
                   "place: {place}\nopen: {day}\n"),
                  _SLOTS, separator="\n", paragraph=0, finish=str),
    Frame(_table),
    pattern_frame(('{"name": "{name}", "count": {num}},', '{"{object}": ["{adj}", "{things}"]},',
                   '{"city": "{city}", "open": true, "days": ["{day}"]},'),
                  _SLOTS, separator="\n", paragraph=0, finish=str),
    _numbered(("{name}, {city}: {num} {things}", "{name} of {city}, {adj} {object}"),
              lambda i: f"({chr(97 + (i - 1) % 26)}) ", "Who brought what to the {place}:"),
    pattern_frame(("{name};{city};{num};{object}", "{name};{city};{num};{things}"), _SLOTS,
                  separator="\n", paragraph=0, finish=str),
)  # fmt: skip
