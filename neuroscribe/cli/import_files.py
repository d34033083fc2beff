"""``neuroscribe import FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json


def import_files(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A file, or a folder of files.")],
    subject: Annotated[
        str, typer.Option("--subject", help="The subject that the units belong to, e.g. gpt2.")
    ],
    json: options.Json = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="neuron-explainer or neuronpedia; default: told from each record.",
            metavar="FORMAT",
        ),
    ] = None,
) -> None:
    """Store explanations from files of another tool; their scores stay foreign figures."""
    from neuroscribe.interchange.importing import import_files
    from neuroscribe.workspace import Workspace

    chosen = None if format is None else options.interchange_format(format)
    found = import_files(Workspace(), path, subject, chosen)
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.interchange import imported_view

    console().print(imported_view(found))
