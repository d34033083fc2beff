"""``neuroscribe show UNIT``."""

from __future__ import annotations

from typing import Annotated

import typer

from core.ids import UnitId
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json


def show(
    unit: options.Unit,
    json: options.Json = False,
    excerpts: Annotated[
        int, typer.Option("--excerpts", min=0, help="Excerpts of each kind and split.")
    ] = 5,
    report: Annotated[
        bool,
        typer.Option("--report", help="Also show the report split. This is logged with the unit."),
    ] = False,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Show what a unit fires on: excerpts, bands, histogram, promoted and suppressed tokens."""
    from neuroscribe.showing import show_unit

    named = UnitId.parse(unit)
    workspace = options.workspace(named.subject, source, revision, trust_remote_code)
    choice = options.corpus_choice(corpus, column, limit, window, per_document)
    with collecting(quiet=json) as progress:
        shown = show_unit(
            workspace, named, choice, excerpts=excerpts, with_report=report, progress=progress
        )
    if json:
        print_json(shown.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal import profile_view

    screen = console()
    screen.print(profile_view(shown, width=screen.width))
