"""``neuroscribe explain UNIT``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.ids import UnitId
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json


def explain(
    unit: options.Unit,
    json: options.Json = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write one self-contained HTML file.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of experiments and intervals.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Recompute instead of giving the stored answer.")
    ] = False,
    one_shot: Annotated[
        bool, typer.Option("--one-shot", help="Explain from excerpts alone, without experiments.")
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
    """Explain one unit, score the explanation on untouched text, and show the evidence."""
    from neuroscribe.explaining import ExplainRequest, explain_unit

    named = UnitId.parse(unit)
    workspace = options.workspace(named.subject, source, revision, trust_remote_code)
    request = ExplainRequest(
        unit=named,
        seed=seed,
        experiments=not one_shot,
        corpus=options.corpus_choice(corpus, column, limit, window, per_document),
    )
    with collecting(quiet=json) as progress:
        answer = explain_unit(workspace, request, fresh=fresh, progress=progress)
    if html is not None:
        from neuroscribe.render.html import unit_page
        from subjects.index.files import write_bytes

        write_bytes(html, unit_page(answer.document).encode("utf-8", "replace"))
    if json:
        print_json(answer.document.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal import explain_view

    screen = console()
    screen.print(explain_view(answer.document, width=screen.width))
    if answer.stored:
        console(stderr=True).print("stored answer; --fresh recomputes", style="dim")
