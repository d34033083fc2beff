"""``neuroscribe search``: explanations that are stored, found by their words."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json


def search(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]",
            help='Words that must all be there; "a phrase", -without, beginn*. Put -- before '
            "a text that begins with a dash.",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="NAME", help="Of this subject, e.g. demo.")
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Of this site, e.g. mlp.2.")
    ] = None,
    verdict: Annotated[
        str | None, typer.Option("--verdict", help="explained, abstained, polysemantic, …")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="Made this way, e.g. pattern.")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option("--min-score", help="With this correlation or more on the whole corpus."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also what was said before a unit was investigated again."),
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="PLACE", help="Go on where a page before ended."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Search stored explanations, best match first; without TEXT the newest come first."""
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        page = store.search(
            " ".join(text or ()),
            subject=subject,
            site=site,
            verdict=verdict,
            method=method,
            min_score=min_score,
            only_newest=not every,
            limit=limit,
            after=after,
        )
    if json:
        print_json(page.model_dump(mode="json"))
        return
    from neuroscribe.render.search import page_view

    console().print(page_view(page))
