"""What was found about an installation, for people. What was seen is never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.pages.visible import visible_text

if TYPE_CHECKING:
    from neuroscribe.doctor import Diagnosis

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


def doctor_view(found: Diagnosis) -> RenderableType:
    """A line a check with what to do below it, and in the end what it comes to."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found.checks:
        said = Text(visible_text(check.seen), style="dim" if check.state == "skipped" else "")
        if check.hint:
            said.append(f"\n→ {visible_text(check.hint)}", style=_STYLES[check.state])
        table.add_row(Text(check.name), Text(check.state, style=_STYLES[check.state]), said)
    failed = [check.name for check in found.checks if check.state == "fail"]
    warned = [check.name for check in found.checks if check.state == "warn"]
    ending = "all is well" if found.healthy else f"does not work: {', '.join(failed)}"
    if warned:
        ending += f"; worth a look: {', '.join(warned)}"
    return Group(table, Text(ending, style="bold"))
