"""One self-contained HTML file about a layer: :func:`layer_page`.

It is made in pieces, so that a layer of any width fits: what a unit is shown by is read when its
place in the page is reached. Like the file of a unit it fetches nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from core.documents import ExplainDocument
from core.results import Score
from core.version import code_version
from service.pages import figures
from service.pages.site import Plot
from service.pages.templating import asset, environment, source_hash
from service.pages.unit import STYLE, Row, excerpt_row
from storage.documents import SiteLine

PAGE: Final = "layer.html.j2"
OWN_STYLE: Final = "app.css"
CHUNK: Final = 1 << 16
EXCERPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Said:
    """An explanation and the figures that are shown first; ``text`` None where none is named."""

    text: str | None
    scores: list[Score]


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page tells of one unit beside its line. ``reason`` alone: it could not be read."""

    line: SiteLine
    reason: str
    said: list[Said]
    excerpts: list[tuple[str, list[Row]]]

    @classmethod
    def of(cls, line: SiteLine, document: ExplainDocument) -> Detail:
        """From the document of the line's run."""
        said = [
            Said(
                None if group.explanation is None else group.explanation.text,
                [s for s in group.scores if figures.headline(s, part=group.number > 1)],
            )
            for group in figures.scored(document)
        ]
        profile = document.profile
        shading = figures.Shading.of(profile.excerpts)
        excerpts = [
            (
                f"{figures.kind_name(kind, split, profile.bands)}, {split} split",
                [excerpt_row(excerpt, shading) for excerpt in members[:EXCERPTS]],
            )
            for kind, split, members in figures.grouped(profile.excerpts)
            if kind in ("top", "bottom") and split != "select"
        ]
        return cls(line, document.reason, said, excerpts)

    @classmethod
    def unread(cls, line: SiteLine, reason: str) -> Detail:
        """Without a document."""
        return cls(line, reason, [], [])


def layer_page(
    name: str, lines: Sequence[SiteLine], details: Iterable[Detail] | None = None
) -> Iterator[bytes]:
    """The page of site ``name`` in UTF-8, in pieces of about ``CHUNK`` characters.

    ``details``, where they are wanted, are those of ``lines`` in their order; they are asked for
    one by one.
    """
    style = asset(STYLE) + asset(OWN_STYLE, folder="static")
    made = environment().get_template(PAGE)
    parts = made.generate(
        name=name,
        lines=lines,
        details=details,
        plot=Plot.of(lines),
        verdicts=figures.VERDICTS,
        meanings=figures.MEANINGS,
        code_version=code_version(),
        style=Markup(style),
        style_hash=source_hash(style),
    )
    held: list[str] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= CHUNK:
            yield _encoded(held)
            held, size = [], 0
    if held:
        yield _encoded(held)


def _encoded(parts: list[str]) -> bytes:
    return "".join(parts).encode("utf-8", "backslashreplace")
