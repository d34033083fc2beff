"""What was said of a unit before, and when that matters to who reads the newest answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.documents import ExplainDocument
from service.pages import figures
from storage.documents import Version

DECIMALS = 3
"""Two scores are told apart where they are shown apart."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line about another run, and where it is shown."""

    words: str
    link: str
    place: str


def notices(document: ExplainDocument, versions: Sequence[Version]) -> list[Notice]:
    """Older runs of the unit that a reader of its newest one should know of.

    The one of the best main score, where that is above this one's; and the newest that tested its
    explanation on the model, where this one did not.
    """
    runs = _first_said(versions)
    own = runs.get(document.run)
    others = [v for run, v in runs.items() if run != document.run and v.mode is not None]
    found = []
    scored = [v for v in others if v.value is not None]
    best = max(scored, key=lambda v: v.value or 0.0, default=None)
    here = None if own is None else own.value
    if best is not None and best.value is not None and _above(best.value, here):
        against = "this one has no score" if here is None else f"this one {figures.figure(here)}"
        words = f"An older answer predicts better on the whole corpus: ρ {_scored(best)}, {against}"
        found.append(_notice(best, words))
    tested = next((v for v in others if v.mode == "agent"), None)
    if document.mode == "one-shot" and tested is not None:
        if found and found[0].place == _place(tested.run):
            words = f"{found[0].words}; it was tested on the model, this one was not"
            return [_notice(tested, words)]
        words = f"An older answer was tested on the model, this one was not: ρ {_scored(tested)}"
        found.append(_notice(tested, words))
    return found


def not_the_newest(document: ExplainDocument, newest: str) -> list[Notice]:
    """Says so on the page of an older run."""
    if document.run == newest:
        return []
    words = f"This is an older answer, of {when(document.created)}"
    return [Notice(words, "the newest", f"/units/{document.unit}")]


def when(time: str) -> str:
    """A time to the minute."""
    return time[:16].replace("T", " ")


def _first_said(versions: Sequence[Version]) -> dict[str, Version]:
    """The first explanation of each run: the one that its main score is about."""
    found: dict[str, Version] = {}
    for version in versions:
        if version.side == "input":
            found.setdefault(version.run, version)
    return found


def _above(value: float, here: float | None) -> bool:
    return here is None or round(value, DECIMALS) > round(here, DECIMALS)


def _scored(version: Version) -> str:
    interval = (
        ""
        if version.low is None or version.high is None
        else f" [{figures.figure(version.low)}, {figures.figure(version.high)}]"
    )
    return figures.figure(version.value) + interval


def _notice(version: Version, words: str) -> Notice:
    made = when(version.finished or version.started)
    return Notice(words, f"the answer of {made}", _place(version.run))


def _place(run: str) -> str:
    return f"/runs/{run}"
