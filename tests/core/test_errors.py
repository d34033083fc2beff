"""The tree drawn in the module's docstring is the tree of classes."""

from __future__ import annotations

import re

import pytest

from core import errors
from core.errors import NeuroscribeError


def drawn() -> list[tuple[str, str, str, int | None]]:
    """(class, parent, code, exit code if one is given) of every line of the drawing."""
    found: list[tuple[str, str, str, int | None]] = []
    parents: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)([A-Z]\w+) +([a-z_]+) *(\d)?", line)
        if match is None or (not match[1] and match[2] != "NeuroscribeError"):
            continue
        depth = len(match[1]) // 4
        parents[depth:] = [match[2]]
        if depth:
            found.append((match[2], parents[depth - 1], match[3], int(match[4] or 0) or None))
    return found


def classes(base: type[NeuroscribeError]) -> list[type[NeuroscribeError]]:
    below = base.__subclasses__()
    return [c for b in below for c in (b, *classes(b)) if c.__module__ == "core.errors"]


@pytest.mark.parametrize(("name", "parent", "code", "exit_code"), drawn())
def test_the_drawing_is_true(name: str, parent: str, code: str, exit_code: int | None) -> None:
    made = getattr(errors, name)
    assert made.__bases__ == (getattr(errors, parent),)
    assert made.code == code
    # A line without an exit code has its parent's.
    assert made.exit_code == (exit_code or getattr(errors, parent).exit_code)


def test_every_class_is_drawn_and_has_its_own_code() -> None:
    made = classes(NeuroscribeError)
    assert {c.__name__ for c in made} == {name for name, *_ in drawn()}
    assert len({c.code for c in made}) == len(made) > 20


def test_an_error_says_what_is_wrong_and_what_to_do() -> None:
    error = errors.UnknownSite("no site 'mlp.9'", "sites: mlp.0, mlp.1")
    assert str(error) == "no site 'mlp.9' (sites: mlp.0, mlp.1)"
    assert str(errors.UnknownSite("no site 'mlp.9'")) == "no site 'mlp.9'"
