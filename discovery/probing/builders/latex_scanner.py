"""A finite-state scanner of LaTeX: what lies in formulas, titles, scripts and fractions.

It reads characters once with a stack of what is open, and never fails: what is opened and not
closed (at the end of the text, of a paragraph for formulas, or of what is around it) is left out
from its beginning on. Marks that open and close a feature are left out of that feature too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

NAMES = (
    "is_superscript", "is_inline_math", "is_title", "is_subscript", "is_reference",
    "is_denominator", "is_author", "is_numerator", "is_display_math", "is_math", "is_abstract",
    "is_frac",
)  # fmt: skip
INLINE = ("is_inline_math", "is_math")
DISPLAY = ("is_display_math", "is_math")
NUMERATOR = ("is_numerator", "is_frac")
DENOMINATOR = ("is_denominator", "is_frac")
FRACTION = ("is_numerator", "is_denominator", "is_frac")
INSIDE, LEFT_OUT = 1, 2

_SPECIAL = re.compile(r"[\\${}%^_]|\n[^\S\n]*\n")
_COMMAND = re.compile(r"([A-Za-z@]+)\*?")
_ARGUMENT = re.compile(r"(?:\s{0,99}\[[^\[\]]{0,999}\]){0,3}\s{0,99}(?=\{)")
_BLANK = re.compile(r"[^\S\n]*\n?[^\S\n]*")
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]+\*?)\}")
_REFERENCE = re.compile(r"(?:no)?cite[a-z]*|[Cc]itet|[Cc]itep|(?:eq|auto|page|name|[cCv])?ref")
_FRACTION = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_SECTION = {"title": "is_title", "author": "is_author", "abstract": "is_abstract"}
_TEXT = re.compile(r"text[a-z]*|mbox|hbox|intertext")
_MATH: dict[str, tuple[str, ...]] = {
    "math": INLINE,
    **dict.fromkeys(("displaymath", "equation", "align", "eqnarray"), DISPLAY),
    **dict.fromkeys(("gather", "multline", "flalign", "alignat"), DISPLAY),
}
_VERBATIM = frozenset({"verbatim", "Verbatim", "lstlisting", "minted", "comment"})
_NO_SCRIPT = frozenset("{}$%^_&~\\\n")


@dataclass(slots=True)
class _Open:
    """Something that was opened at ``start`` and whose inside begins at ``inside``."""

    kind: str
    features: tuple[str, ...]
    start: int
    inside: int
    marks: tuple[str, ...] = ()
    """Features that the closing mark is left out of, beside ``features``."""
    math: bool | None = None
    """Whether formulas begin (True) or end (False) here, or it stays as it is around (None)."""
    paragraph: bool = False
    """Whether the end of a paragraph breaks it."""
    formula: _Open | None = None
    """The formula that is being read in here, set when it is opened."""


@dataclass(slots=True)
class Scanner:
    """One scan of ``text``: :meth:`run`, then ``labels`` by feature, a byte for each character."""

    text: str
    labels: dict[str, bytearray] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """How many of each kind stand open."""
    paragraphs: int = 0
    """How many stand open that end with their paragraph."""

    def run(self) -> dict[str, bytearray]:
        """Bytes [characters] by feature: :data:`INSIDE`, :data:`LEFT_OUT` or 0."""
        self.labels = {name: bytearray(len(self.text)) for name in NAMES}
        place = 0
        while (found := _SPECIAL.search(self.text, place)) is not None:
            place = self._step(found.start(), found[0])
        while self.stack:
            self._abandon(len(self.text))
        return self.labels

    def _step(self, at: int, what: str) -> int:
        """Deal with the special text at ``at``; where to go on (always further)."""
        match what:
            case "\\":
                return self._backslash(at)
            case "$":
                return self._dollar(at)
            case "{":
                return self._push(_Open("{", (), at, at + 1))
            case "}":
                return self._unbrace(at)
            case "%":
                return self._comment(at)
            case "^" | "_":
                return self._script(at)
        return self._paragraph(at)

    # What is open.

    def _push(self, opened: _Open) -> int:
        self._mark(opened.start, opened.inside, (*opened.features, *opened.marks))
        around = self._formula()
        opened.formula = around if opened.math is None else opened if opened.math else None
        self.stack.append(opened)
        self.kinds[opened.kind] += 1
        self.paragraphs += opened.paragraph
        return opened.inside

    def _pop(self) -> _Open:
        opened = self.stack.pop()
        self.kinds[opened.kind] -= 1
        self.paragraphs -= opened.paragraph
        return opened

    def _close(self, kind: str, start: int, stop: int) -> None:
        """Close the innermost of ``kind``, if there is one, with the mark at ``start`` .. ``stop``;
        what stood open within it was never closed."""
        if not self.kinds[kind]:
            return
        while self.stack[-1].kind != kind:
            self._abandon(start)
        opened = self._pop()
        for name in opened.features:
            inside = self.labels[name][opened.inside : start]
            self.labels[name][opened.inside : start] = inside.replace(b"\0", bytes([INSIDE]))
        self._mark(start, stop, (*opened.features, *opened.marks))

    def _abandon(self, stop: int) -> None:
        opened = self._pop()
        self._mark(opened.start, stop, opened.features)

    def _mark(self, start: int, stop: int, features: tuple[str, ...]) -> None:
        for name in features:
            self.labels[name][start:stop] = bytes([LEFT_OUT]) * (stop - start)

    def _formula(self) -> _Open | None:
        """The formula that is being read, or None in text."""
        return self.stack[-1].formula if self.stack else None

    # Single marks.

    def _comment(self, at: int) -> int:
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        self._mark(at, end, NAMES)
        return end

    def _paragraph(self, at: int) -> int:
        while self.paragraphs:
            self._abandon(at)
        return at + 1

    def _unbrace(self, at: int) -> int:
        kind = self.stack[-1].kind if self.stack else ""
        if kind in ("{", "numerator"):
            self._close(kind, at, at + 1)
        return self._denominator(at + 1) if kind == "numerator" else at + 1

    def _dollar(self, at: int) -> int:
        formula = self._formula()
        double = self.text.startswith("$$", at)
        if formula is None:
            mark = "$$" if double else "$"
            features = DISPLAY if double else INLINE
            inside = at + len(mark)
            return self._push(_Open(mark, features, at, inside, math=True, paragraph=True))
        if formula.kind == "$" or (formula.kind == "$$" and double):
            stop = at + len(formula.kind)
            self._close(formula.kind, at, stop)
            return stop
        return at + 1

    def _script(self, at: int) -> int:
        if self._formula() is None:
            return at + 1
        name = "is_superscript" if self.text[at] == "^" else "is_subscript"
        return self._part(at, self._after_blank(at + 1), (name,), "{")

    def _denominator(self, at: int) -> int:
        return self._part(at, self._after_blank(at), DENOMINATOR, "{")

    def _after_blank(self, at: int) -> int:
        blank = _BLANK.match(self.text, at)
        return at if blank is None else blank.end()

    def _part(self, start: int, place: int, features: tuple[str, ...], kind: str) -> int:
        """An argument that stands at ``place``: a group, a command, or one character."""
        marks = FRACTION if "is_frac" in features else ()
        following = self.text[place : place + 1]
        if following == "{":
            return self._push(_Open(kind, features, start, place + 1, marks))
        command = _COMMAND.match(self.text, place + 1) if following == "\\" else None
        if command is None and (not following or following in _NO_SCRIPT or following.isspace()):
            return place
        stop = place + 1 if command is None else command.end()
        self._mark(start, place, (*features, *marks))
        for name in features:
            self.labels[name][place:stop] = bytes([INSIDE]) * (stop - place)
        if kind == "numerator":
            return self._denominator(stop)
        # The command itself is read next: its own arguments are groups like any other.
        return stop if command is None else place

    # Commands.

    def _backslash(self, at: int) -> int:
        command = _COMMAND.match(self.text, at + 1)
        if command is None:
            return self._symbol(at)
        name, after = command[1], command.end()
        if name in ("begin", "end"):
            return self._environment(at, after, begins=name == "begin")
        if name == "verb":
            return self._verb(after)
        if name in _FRACTION and self._formula() is not None:
            return self._part(at, self._after_blank(after), NUMERATOR, "numerator")
        argument = _ARGUMENT.match(self.text, after)
        if argument is None:
            return after
        inside = argument.end() + 1
        if _REFERENCE.fullmatch(name):
            return self._push(_Open("{", ("is_reference",), at, inside))
        if name in _SECTION:
            return self._push(_Open("{", (_SECTION[name],), at, inside))
        if _TEXT.fullmatch(name):
            return self._push(_Open("{", (), at, inside, math=False))
        return after

    def _symbol(self, at: int) -> int:
        after = at + 2
        mark = self.text[at + 1 : after]
        if mark in ("(", "[") and self._formula() is None:
            features = INLINE if mark == "(" else DISPLAY
            return self._push(_Open("\\" + mark, features, at, after, math=True, paragraph=True))
        if mark in (")", "]"):
            self._close("\\(" if mark == ")" else "\\[", at, after)
        return after

    def _verb(self, after: int) -> int:
        end = self.text.find(self.text[after : after + 1] or "\n", after + 1)
        line = self.text.find("\n", after)
        line = len(self.text) if line < 0 else line
        return end + 1 if 0 <= end < line else line

    def _environment(self, at: int, after: int, *, begins: bool) -> int:
        named = _ENVIRONMENT.match(self.text, after)
        if named is None:
            return after
        name, after = named[1], named.end()
        if begins and name.rstrip("*") in _VERBATIM:
            end = self.text.find(f"\\end{{{name}}}", after)
            return len(self.text) if end < 0 else end
        abstract = name == "abstract"
        features = ("is_abstract",) if abstract else _MATH.get(name.rstrip("*"), ())
        if not features:
            return after
        kind = f"environment {name}"
        if not begins:
            self._close(kind, at, after)
            return after
        if not abstract and self._formula() is not None:
            return after
        return self._push(_Open(kind, features, at, after, math=None if abstract else True))
