"""``neuroscribe serve``: the HTTP service."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from neuroscribe.cli import options


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8321,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Host name that it answers to beside loopback's (repeat for more)."),
    ] = None,
    keys: Annotated[
        bool | None,
        typer.Option(
            "--keys/--no-keys",
            help="Whether API keys are needed (default: unless it listens on loopback only).",
        ),
    ] = None,
    work: Annotated[
        bool, typer.Option("--work/--no-work", help="Do jobs here, or leave them to others.")
    ] = True,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
) -> None:
    """Answer over HTTP until interrupted; docs/service.md says how."""
    from neuroscribe.serving.logs import logging_config
    from neuroscribe.serving.server import ServeOptions
    from neuroscribe.serving.server import serve as run
    from neuroscribe.workspace import Workspace

    how = ServeOptions(
        host=host,
        port=port,
        names=tuple(name or ()),
        keys=keys,
        work=work,
        corpus=options.corpus_choice(corpus, column, limit, window, per_document),
    )
    sys.stderr.write(f"http://{host}:{port}/v1/openapi.json (Ctrl-C stops it)\n")
    run(Workspace(), how, logging_config())
