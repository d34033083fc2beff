"""Small-number arithmetic, half as symbols ("3+4=7"), half in words.

Digits stand without spaces in the symbolic form. Multiplication is ``*``, division ``/`` (always
exact). One-digit facts make up three quarters of all lines and none of them is held out: there
are only a hundred sums, which a model can only know by heart. With longer operands the
combination (first, operation, second) is held out as elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from .draw import Draw, Frame, compose, polish, substitute
from .lexicon import NAMES, PLURALS


class Fact(NamedTuple):
    """``left operation right = result``."""

    left: int
    operation: str
    right: int
    result: int


NAMES_OF = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


def fact(draw: Draw, operation: str, digits: int) -> Fact:
    """A true fact whose operands have at most ``digits`` digits (for × and ÷: table facts)."""

    def make() -> tuple[Fact, tuple[str, ...]]:
        low, high = (0, 9) if digits == 1 else (10 ** (digits - 1), 10**digits - 1)
        left, right = draw.rng.randint(low, high), draw.rng.randint(low, high)
        if operation == "+":
            made = Fact(left, "+", right, left + right)
        elif operation == "-":
            left, right = max(left, right), min(left, right)
            made = Fact(left, "-", right, left - right)
        else:
            right = draw.rng.randint(2, 9)
            left = draw.rng.randint(2, 9) if digits == 1 else draw.rng.randint(10, 19)
            product = left * right
            made = (
                Fact(left, "*", right, product)
                if operation == "*"
                else Fact(product, "/", right, left)
            )
        return made, (str(made.left), operation, str(made.right))

    return make()[0] if digits == 1 else draw.until_allowed(make)


def any_fact(draw: Draw, operations: str) -> Fact:
    """A fact of one of the operations: mostly one-digit, sometimes two or three digits."""
    digits = draw.rng.choices((1, 2, 3), (0.78, 0.15, 0.07))[0]
    return fact(draw, draw.pick(operations), digits)


def symbolic(f: Fact) -> str:
    """The fact in symbols, such as ``3+4=7``."""
    return f"{f.left}{f.operation}{f.right}={f.result}"


_WORDS: tuple[dict[str, tuple[str, ...]], ...] = (
    {"+": ("The sum of {l} and {r} is {z}.",), "-": ("The difference of {l} and {r} is {z}.",)},
    {"+": ("{l} plus {r} is {z}.",), "-": ("{l} minus {r} is {z}.",)},
    {"+": ("{l} plus {r} equals {z}.",), "-": ("{l} minus {r} equals {z}.",),
     "*": ("{l} times {r} equals {z}.",), "/": ("{l} divided by {r} equals {z}.",)},
    {"+": ("If you add {r} to {l}, you get {z}.",),
     "-": ("If you take {r} from {l}, {z} is left.",)},
    {"+": ("{name} had {l} {things} and got {r} more. Now {name} has {z} {things}.",),
     "-": ("{name} had {l} {things} and lost {r}. Now {name} has {z} {things}.",)},
    {"+": ("What is {l} plus {r}? It is {z}.",), "-": ("What is {l} minus {r}? It is {z}.",),
     "*": ("What is {l} times {r}? It is {z}.",), "/": ("What is {l} divided by {r}? It is {z}.",)},
    {"+": ("{l} and {r} make {z}.",), "-": ("{l} less {r} leaves {z}.",)},
    {"+": ("Adding {l} and {r} gives {z}.",), "-": ("Subtracting {r} from {l} gives {z}.",),
     "*": ("Multiplying {l} by {r} gives {z}.",), "/": ("Dividing {l} by {r} gives {z}.",)},
    {"+": ("There are {l} {things} here and {r} there, so {z} in all.",),
     "-": ("Of {l} {things}, {r} are gone, so {z} remain.",)},
    {"*": ("The product of {l} and {r} is {z}.",), "/": ("The quotient of {l} and {r} is {z}.",),
     "+": ("The total of {l} and {r} is {z}.",)},
    {"+": ("{name} says that {l} and {r} add up to {z}.",),
     "-": ("{name} says that {l} minus {r} leaves {z}.",)},
    {"+": ("First {l}, then {r} more: {z}.",), "-": ("First {l}, then {r} fewer: {z}.",)},
)  # fmt: skip


def _frame(index: int, forms: dict[str, tuple[str, ...]]) -> Frame:
    separator = ("\n", "; ")[index % 2]
    operations = "".join(forms) if len(forms) > 2 else "++--"
    share = ("++--" * 2 + "*/") if len(forms) > 2 else operations

    def render(draw: Draw) -> str:
        def line() -> str:
            return symbolic(any_fact(draw, share))

        def sentence() -> str:
            f = any_fact(draw, operations)
            values = {"l": str(f.left), "r": str(f.right), "z": str(f.result)}
            values |= {"name": draw.pick(NAMES), "things": draw.pick(PLURALS)}
            return polish(substitute(draw.pick(forms[f.operation]), values))

        blocks = [
            compose(draw, line, separator=separator, paragraph=0.0, low=22, high=30)
            if part % 2 == 0
            else compose(draw, sentence, paragraph=0.0, low=38, high=52)
            for part in range(4)
        ]
        return "\n".join(blocks)

    return Frame(render)


FRAMES = tuple(_frame(index, forms) for index, forms in enumerate(_WORDS))


def item(draw: Draw, *, hard: bool) -> tuple[str, str, str, str]:
    """One choice: (prompt, right result, wrong result of as many digits, operation).

    The easy task has one-digit operands and a one-digit result; the hard one has × and ÷ (table
    facts and beyond) and sums and differences of two- and three-digit numbers.
    """
    if hard:
        operation = draw.pick("+-*/")
        digits = draw.pick((2, 3)) if operation in "+-" else draw.pick((1, 2))
        f = fact(draw, operation, digits)
    else:
        f = fact(draw, draw.pick("+-"), 1)
        while f.result > 9:
            f = fact(draw, f.operation, 1)
    wrong = f.result
    while wrong == f.result or wrong < 0 or len(str(wrong)) != len(str(f.result)):
        wrong = f.result + draw.rng.randint(-9, 9)
    return f"{f.left}{f.operation}{f.right}=", str(f.result), str(wrong), NAMES_OF[f.operation]
