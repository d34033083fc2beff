"""Citations in answers: ``[score e12/simulation/corpus]``, ``[experiment 3f/t1]`` and the like.

What stands in square brackets after one of the ``KINDS`` must exist: a tool returned it in this
conversation, or the store has it. What does not exist is marked where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

KINDS = ("explanation", "score", "experiment", "run", "job", "measurement")
NOT_THERE = "(not in the record)"
_KIND = "|".join(KINDS)
_BRACKET = re.compile(rf"\[((?:{_KIND})s?\b[^\[\]\n]*)\]", re.IGNORECASE)
_ONE = re.compile(rf"(?:({_KIND})s?\s+)?(\S+)", re.IGNORECASE)

Holds = Callable[[str, str], bool]
"""Whether the record has something of a kind under an id."""


def cited(text: str) -> list[str]:
    """Every citation of a text, each in the form ``kind id``, in order and once."""
    return list(dict.fromkeys(one for m in _BRACKET.finditer(text) for one in _inside(m[1])))


def missing(text: str, known: Collection[str], holds: Holds) -> list[str]:
    """The citations that neither ``known`` (in brackets) nor the record has."""
    return [one for one in cited(text) if not _exists(one, known, holds)]


def marked(text: str, absent: Collection[str]) -> str:
    """The text with a mark behind every bracket that cites something of ``absent``."""

    def mark(match: re.Match[str]) -> str:
        wrong = any(one in absent for one in _inside(match[1]))
        return f"{match[0]} {NOT_THERE}" if wrong else match[0]

    return _BRACKET.sub(mark, text)


def _inside(bracket: str) -> list[str]:
    """``score a, score b`` and ``score a, b`` are two citations each."""
    kind, found = bracket.split()[0].lower().removesuffix("s"), []
    for part in re.split(r"[,;]", bracket):
        match = _ONE.fullmatch(part.strip())
        if match is None:  # words, which are no id
            found.append(f"{kind} {' '.join(part.split()[1:]) or '?'}")
            continue
        kind = (match[1] or kind).lower()
        found.append(f"{kind} {match[2]}" if match[1] or match[2].lower() != kind else f"{kind} ?")
    return found


def _exists(one: str, known: Collection[str], holds: Holds) -> bool:
    kind, _, id = one.partition(" ")
    return f"[{one}]" in known or holds(kind, id)
