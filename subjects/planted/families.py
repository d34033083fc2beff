"""The planted families: one function a site, each a list of definitions.

A family the pattern language can express is built from patterns and nothing else, so what the
truth says and what the unit computes are one object. Candidates come from
:mod:`subjects.planted.words`; those that are no single token of the tokenizer are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product
from typing import Final

from core.patterns import (
    CHAR_CLASSES,
    CharClass,
    CharClassName,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    InsideKind,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    case_free_form,
    render_context,
    render_predicate,
)
from subjects.planted import noise, words
from subjects.planted.rules import Early, NextToken, Periodic, Ramp, Rule
from subjects.planted.truth import Definition, Family

SIZE: Final = 32
"""Units of a family made from word lists."""
NOISE_UNITS: Final = 1000
SIGNED_NOISE_UNITS: Final = 200
DEAD_UNITS: Final = 20
NOISE_SHARES: Final = (0.01, 0.03, 0.06, 0.1)
"""Noise of the ``noisy`` units over their strength: signal-to-noise 100, 33, 17 and 10."""
NEGATIVE_BACKGROUND: Final = 0.005


class Lexicon:
    """Which texts are single tokens."""

    def __init__(self, strings: Iterable[str]) -> None:
        self.texts = frozenset(strings)
        self.forms = frozenset(map(case_free_form, self.texts))

    def words(self, candidates: Iterable[str]) -> Iterator[str]:
        """Lower-case forms that some token has, without repeats."""
        forms = dict.fromkeys(map(case_free_form, candidates))
        return (form for form in forms if form in self.forms)

    def exact(self, candidates: Iterable[str]) -> Iterator[str]:
        """The candidates that are tokens as they stand, without repeats."""
        return (text for text in dict.fromkeys(candidates) if text in self.texts)

    def has(self, *forms: str) -> bool:
        """Whether each of these forms is one that a token has."""
        return self.forms.issuperset(forms)


def one(predicate: TokenPredicate, *contexts: Context) -> Pattern:
    """A pattern of one clause at full strength."""
    return Pattern((Clause(predicate, contexts),))


def told(pattern: Pattern) -> str:
    """The first clause in words, without its strength."""
    clause = pattern.clauses[0]
    parts = [render_predicate(clause.predicate), *map(render_context, clause.contexts)]
    return " and ".join([" ".join(parts[:2]), *parts[2:]])


def fires(patterns: Iterable[Pattern], count: int = SIZE) -> tuple[Definition, ...]:
    """Definitions of the first ``count`` one-clause patterns."""
    return tuple(Definition(f"fires on {told(p)}", p) for p in islice(patterns, count))


def _exact(lexicon: Lexicon) -> Iterator[Pattern]:
    plain = lexicon.exact(f" {word}" for word in words.WORDS)
    yield from (one(Exact((text,))) for text in islice(plain, 20))
    yield from (one(Exact((text,))) for text in islice(lexicon.exact(words.CODE_SIGNS), 20))


def _word(lexicon: Lexicon) -> Iterator[Pattern]:
    return (one(Word(form)) for form in lexicon.words(words.WORDS))


def _affix(lexicon: Lexicon) -> Iterator[Pattern]:
    yield from (one(Prefix(text)) for text in words.PREFIXES[:20])
    yield from (one(Suffix(text)) for text in words.SUFFIXES[:20])


def _charclass(lexicon: Lexicon) -> Iterator[Pattern]:
    yield from (one(CharClass(name)) for name in CHAR_CLASSES if name != "any")
    names: tuple[CharClassName, ...] = ("capitalised", "digits", "lowercase", "capitals")
    places: tuple[Context, ...] = (
        Inside("brackets"),
        Inside("brackets", negated=True),
        RightAfter(CharClass("punctuation")),
        RightAfter(CharClass("punctuation"), negated=True),
        Within(4, CharClass("newline")),
        Within(3, Exact((".",))),
    )
    yield from (one(CharClass(name), place) for name, place in product(names, places))


def _after(lexicon: Lexicon) -> Iterator[Pattern]:
    pairs = ((a, b) for a, b in words.AFTER if lexicon.has(a, b))
    return (one(Word(a), RightAfter(Word(b))) for a, b in pairs)


def _within(lexicon: Lexicon) -> Iterator[Pattern]:
    chosen = ((a, b, n) for a, b, n in words.WITHIN if lexicon.has(a, b))
    return (one(Word(a), Within(n, Word(b))) for a, b, n in chosen)


def _line(lexicon: Lexicon) -> Iterator[Pattern]:
    pairs = ((a, b) for a, b in words.LINES if lexicon.has(a, b))
    return (one(Word(a), LineStartsWith(Word(b))) for a, b in pairs)


def _inside(lexicon: Lexicon) -> Iterator[Pattern]:
    kinds: tuple[InsideKind, ...] = ("quotes", "brackets", "comment", "docstring")
    classes: tuple[CharClassName, ...] = ("any", "punctuation", "lowercase", "capitalised")
    predicates: list[TokenPredicate] = [CharClass(name) for name in classes]
    predicates += [Word(form) for form in islice(lexicon.words(("the", "is", "a", "name")), 4)]
    return (one(predicate, Inside(kind)) for predicate, kind in product(predicates, kinds))


def _unless(lexicon: Lexicon) -> Iterator[Pattern]:
    places: tuple[Context, ...] = (
        RightAfter(CharClass("punctuation"), negated=True),
        Inside("brackets", negated=True),
        Within(4, CharClass("newline"), negated=True),
        SeenBefore(negated=True),
    )
    forms = list(lexicon.words(("self", "the", "name", "is", "in", "a", "not", "value")))
    return (one(Word(form), place) for form, place in product(forms, places))


def _seen(lexicon: Lexicon) -> Iterator[Pattern]:
    yield from (one(CharClass(n), SeenBefore()) for n in ("capitalised", "digits", "capitals"))
    forms = lexicon.words(words.WORDS)
    yield from (one(Word(form), SeenBefore()) for form in forms)


def _negated(lexicon: Lexicon) -> Iterator[Pattern]:
    forms = list(lexicon.words(words.NEGATED))
    negation = Exact(tuple(lexicon.exact(words.NEGATIONS)) or ("not",))
    yield from (one(Word(form), Within(8, negation)) for form in forms[:20])
    near = lexicon.words(words.NEGATED_NEAR)
    yield from (one(Word(form), Within(3, Word("not"))) for form in near)


def _position(lexicon: Lexicon) -> Iterator[Pattern]:
    return (one(CharClass(name), FirstPosition()) for name in CHAR_CLASSES)


def _rare(lexicon: Lexicon) -> Iterator[Pattern]:
    return (one(Exact((text,))) for text in lexicon.exact(f" {word}" for word in words.RARE))


EXPRESSIBLE: Final[tuple[tuple[str, str, Callable[[Lexicon], Iterator[Pattern]], int], ...]] = (
    ("exact", "one exact token", _exact, 40),
    ("word", "one word in any letter case", _word, SIZE),
    ("affix", "tokens with one beginning or ending", _affix, 40),
    ("charclass", "a kind of character, some in one place only", _charclass, SIZE),
    ("after", "a word right after another", _after, SIZE),
    ("within", "a word up to n tokens after another", _within, SIZE),
    ("line", "a word on a line that starts with another", _line, SIZE),
    ("inside", "tokens inside quotes, brackets, a comment or a docstring", _inside, SIZE),
    ("unless", "a word, except in one place", _unless, SIZE),
    ("seen", "a token that the window already held", _seen, SIZE),
    ("negated", "a word shortly after a negation", _negated, SIZE),
    ("position", "a kind of token, at the window's start only", _position, SIZE),
)


def _two(first: str, second: str, low: int, lexicon: Lexicon) -> Definition | None:
    if not lexicon.has(first, second):
        return None
    a, b = Clause(Word(first)), Clause(Word(second), strength=low)
    parts = tuple(f"fires on {render_predicate(c.predicate)}" for c in (a, b))
    weight = "" if low == 10 else f", {low}/10 as strongly"
    return Definition(f"{parts[0]}, and {parts[1][6:]}{weight}", Pattern((a, b)), parts=parts)


def _union(lexicon: Lexicon) -> tuple[Definition, ...]:
    made = (_two(a, b, 10, lexicon) for a, b in words.UNION)
    return tuple(islice((d for d in made if d), SIZE))


def _graded(lexicon: Lexicon) -> tuple[Definition, ...]:
    """A word always fires a little, and in one place fully."""
    pairs = ((a, b) for a, b in words.AFTER if lexicon.has(a, b))
    out = []
    for (word, before), low in zip(pairs, (3, 4, 5, 6) * SIZE, strict=False):
        raised = Clause(Word(word), (RightAfter(Word(before)),), 10 - low)
        pattern = Pattern((Clause(Word(word), (), low), raised))
        text = f"fires {low}/10 on {told(pattern)}, and fully {render_context(raised.contexts[0])}"
        out.append(Definition(text, pattern))
    return tuple(out[:SIZE])


def _noisy(lexicon: Lexicon) -> tuple[Definition, ...]:
    sources = zip(_word(lexicon), _inside(lexicon), _unless(lexicon), strict=False)
    flat = [pattern for triple in sources for pattern in triple]
    out = []
    for i, pattern in enumerate(flat[:SIZE]):
        share = NOISE_SHARES[i % len(NOISE_SHARES)]
        text = f"fires on {told(pattern)}, in rectified noise of {share:g} of its strength"
        out.append(Definition(text, pattern, noise=share))
    return tuple(out)


def _negative(lexicon: Lexicon) -> tuple[Definition, ...]:
    sources = zip(_word(lexicon), _after(lexicon), strict=False)
    flat = [pattern for pair in sources for pattern in pair][:SIZE]
    return tuple(
        Definition(f"goes far below zero on {told(p)}", p, noise=NEGATIVE_BACKGROUND) for p in flat
    )


def _ruled(rules: Iterable[Rule]) -> tuple[Definition, ...]:
    return tuple(Definition(rule.description, rule=rule) for rule in rules)


def _pure(kinds: tuple[noise.NoiseKind, ...], count: int) -> tuple[Definition, ...]:
    texts = [f"is noise, unrelated to the text: {kind.description}" for kind in kinds]
    return tuple(Definition(texts[i % len(kinds)]) for i in range(count))


def _nexttokens(lexicon: Lexicon) -> Iterator[Rule]:
    return (NextToken(Word(form)) for form in islice(lexicon.words(words.NEXT), SIZE))


def build(strings: Iterable[str]) -> dict[str, Family]:
    """Every family, for a tokenizer whose tokens show as ``strings``."""
    lexicon = Lexicon(strings)
    families = [Family(n, s, fires(make(lexicon), count)) for n, s, make, count in EXPRESSIBLE]
    ramps: tuple[TokenPredicate, ...] = (
        CharClass("newline"),
        CharClass("punctuation"),
        CharClass("capitalised"),
        Word("the"),
    )
    families += [
        Family(
            "union", "two unrelated words", _union(lexicon), expected=("polysemantic", "explained")
        ),
        Family("graded", "a word, more strongly in one place", _graded(lexicon)),
        Family("noisy", "an expressible kind in rectified noise", _noisy(lexicon)),
        Family(
            "lowrate",
            "one token in about 10,000",
            fires(_rare(lexicon)),
            expected=("explained", "low_evidence"),
        ),
        Family(
            "negative",
            "far below zero on a word, about zero elsewhere",
            _negative(lexicon),
            non_negative=False,
            sign=-1,
        ),
        Family("nexttoken", "the token before a given one", _ruled(_nexttokens(lexicon)), ()),
        Family(
            "early", "the first n positions", _ruled(map(Early, (2, 3, 4, 6, 8, 12, 16, 24))), ()
        ),
        Family(
            "periodic",
            "every n-th position",
            _ruled(Periodic(n, n // 2) for n in (3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 24)),
            expected=("abstained",),
        ),
        Family(
            "ramp",
            "distance since a kind of token",
            _ruled(Ramp(p, cap) for p, cap in product(ramps, (5, 15, 30))),
            expected=(),
        ),
        Family(
            "dead",
            "never anything but zero",
            (Definition("is always zero"),) * DEAD_UNITS,
            expected=("dead",),
        ),
        Family(
            "noise",
            "noise that is never negative",
            _pure(noise.RECTIFIED, NOISE_UNITS),
            expected=("abstained",),
            noise_kinds=noise.RECTIFIED,
        ),
        Family(
            "noisedense",
            "signed noise",
            _pure(noise.SIGNED, SIGNED_NOISE_UNITS),
            expected=("abstained",),
            non_negative=False,
            noise_kinds=noise.SIGNED,
        ),
    ]
    return {family.name: family for family in families}
