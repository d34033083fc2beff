"""What was written for, or read from, another tool, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from service.pages.visible import visible_text

if TYPE_CHECKING:
    from neuroscribe.interchange.exporting import Exported
    from neuroscribe.interchange.importing import Imported

LINES = 20


def exported_view(made: Exported) -> RenderableType:
    """Counts, and where the files are."""
    rows: list[tuple[str, int]] = [
        ("units", made.units),
        ("explanations", made.explanations),
        ("scores", made.scores),
        ("excerpts", made.excerpts),
        ("files", len(made.files)),
    ]
    head = Text(f"{made.target} as {made.format} in {visible_text(made.folder)}", style="bold")
    left_out = [f"{item.unit}: {item.reason}" for item in made.skipped]
    return Group(head, *_table(rows), *_some("left out", left_out, len(left_out)))


def imported_view(found: Imported) -> RenderableType:
    """Counts, what was stored, and what was skipped and why."""
    rows: list[tuple[str, int]] = [
        ("files", found.files),
        ("units", found.units),
        ("explanations", found.explanations),
        ("foreign scores", found.scores),
        ("excerpts", found.excerpts),
        ("stored", found.stored),
        ("already stored", found.already_stored),
        ("skipped", found.skipped),
    ]
    head = Text(f"{visible_text(found.source)} about {found.subject}", style="bold")
    unknown = [f"{name}: {count:,}" for name, count in found.unknown_fields.items()]
    return Group(
        head,
        *_table(rows),
        *_some("skipped", [r.told() for r in found.reasons], found.skipped),
        *_some("missing figures", found.notes, len(found.notes)),
        *_some("fields kept aside", unknown, len(unknown)),
        *_verdict(found),
    )


def _verdict(found: Imported) -> list[Text]:
    if found.stored:
        what = "scores of other tools were kept as figures; neuroscribe score measures a sentence"
    elif found.explanations:
        what = "nothing new: every explanation is stored already"
    else:
        what = "nothing to store: no explanations in it"
    return [Text(what, style="dim")]


def _table(rows: list[tuple[str, int]]) -> list[Text]:
    return [Text(f"  {name:<16}{value:>9,}") for name, value in rows]


def _some(title: str, lines: list[str], whole: int) -> list[Text]:
    if not whole:
        return []
    shown = [Text(f"  {visible_text(line)}") for line in lines[:LINES]]
    more = [Text(f"  … and {whole - LINES:,} more")] if whole > LINES else []
    return [Text(title, style="bold"), *shown, *more]
