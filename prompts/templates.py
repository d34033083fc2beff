"""Templates: Markdown with front matter, filled with strict variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.errors import InvalidSetting
from core.hashing import fingerprint

FOLDER = Path(__file__).parent / "texts"
_PART = re.compile(r"^# (system|user|text)( cached)?\n", re.MULTILINE)
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Turn:
    """One rendered part; ``cached`` marks the end of what later requests share."""

    role: str
    text: str
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template: its parts still hold ``{{variables}}``. ``hash`` names the text."""

    id: str
    version: int
    role: str
    variables: frozenset[str]
    parts: tuple[Turn, ...]
    hash: str

    @property
    def label(self) -> str:
        """What stored results call it."""
        return f"{self.id}/{self.version}/{self.hash}"

    def render(self, variables: Mapping[str, str]) -> list[Turn]:
        """Every part with its variables filled in, once: what is filled in is never a template.

        Raises ValueError unless exactly the declared variables are given.
        """
        if set(variables) != self.variables:
            raise ValueError(
                f"prompt {self.id!r} takes {sorted(self.variables)}, not {sorted(variables)}"
            )
        return [
            Turn(p.role, _VARIABLE.sub(lambda m: variables[m[1]], p.text), p.cached)
            for p in self.parts
        ]


@cache
def load(id: str) -> Prompt:
    """The template ``id``; :class:`InvalidSetting` when its file is wrong or missing."""
    return read(FOLDER / f"{id}.md")


def read(path: Path) -> Prompt:
    """A template from a file; :class:`InvalidSetting` says what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
        _, head, body = text.split("---\n", 2)
        fields = dict(line.split(": ", 1) for line in head.strip().splitlines())
        declared = frozenset(v.strip() for v in fields["variables"].split(","))
        pieces = _PART.split(body)
        parts = tuple(
            Turn(pieces[i], pieces[i + 2].rstrip("\n"), bool(pieces[i + 1]))
            for i in range(1, len(pieces), 3)
        )
        version = int(fields["version"])
        name, role = fields["id"], fields["role"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidSetting(f"the prompt {str(path)!r} cannot be read: {error}") from error
    used = frozenset(v for part in parts for v in _VARIABLE.findall(part.text))
    if used != declared or not parts or name != path.stem:
        raise InvalidSetting(
            f"the prompt {str(path)!r} does not use the variables, or the id, that it declares"
        )
    return Prompt(name, version, role, declared, parts, fingerprint([text]))
