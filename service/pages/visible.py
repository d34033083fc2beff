r"""Token text that can be read and cannot do harm: nothing invisible, nothing that controls.

A space is a middle dot, a newline ``↵``, a tab ``⇥``; whatever else has no shape of its own, moves
the cursor, changes the writing direction or cannot be encoded is written as an escape (``\x1b``,
``\u202e``, ``\ud800``). A combining mark without a letter before it stands on a dotted circle.
Text written from right to left keeps its letters; whoever lays it out isolates it.
"""

from __future__ import annotations

import unicodedata
from typing import Final

SPACE: Final = "·"
_NAMED: Final = {"\n": "↵", "\t": "⇥", "\r": "\\r"}
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_MARKS_IN_A_ROW: Final = 3
# Assigned to letters, marks or symbols by Unicode, and yet drawn as nothing.
_BLANK: Final = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    ]
)


def visible_token(text: str) -> str:
    """``text`` with every character visible, spaces included; ``∅`` for an empty token."""
    return _shown(text, space=SPACE) or "∅"


def visible_text(text: str) -> str:
    """A sentence or a name: as :func:`visible_token`, but spaces stay spaces."""
    return _shown(text, space=" ")


def _shown(text: str, *, space: str) -> str:
    if text.isascii() and text.isprintable():
        return text.replace(" ", space)
    out: list[str] = []
    marks: int | None = None  # on the last letter; None where a mark has nothing to stand on
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "M" and ord(character) not in _BLANK:
            if marks is not None and marks >= _MARKS_IN_A_ROW:
                out.append(escape(character))
                continue
            out.append(character if marks is not None else "◌" + character)
            marks = (marks or 0) + 1
            continue
        marks = None
        if character == " ":
            out.append(space)
        elif character in _NAMED:
            out.append(_NAMED[character])
        elif category in _ESCAPED or ord(character) in _BLANK:
            out.append(escape(character))
        else:
            marks = 0
            out.append(character)
    return "".join(out)


def escape(character: str) -> str:
    r"""The shortest of ``\x..``, ``\u....`` and ``\U........`` for one character."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
