"""``neuroscribe export UNIT`` and ``neuroscribe export SITE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json


def export(
    unit: Annotated[
        str,
        typer.Argument(
            metavar="UNIT", help="A unit (demo/mlp.2/117), or a site (demo/mlp.2) for all of its."
        ),
    ],
    format: Annotated[
        str, typer.Option("--format", help="neuron-explainer or neuronpedia.", metavar="FORMAT")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.", metavar="FOLDER")],
    json: options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Only fields of the format, for tools that refuse any other."),
    ] = False,
) -> None:
    """Write stored answers in the format of another tool."""
    from neuroscribe.interchange.exporting import Target, export_answers
    from neuroscribe.workspace import Workspace

    target, chosen = Target.parse(unit), options.interchange_format(format)
    made = export_answers(Workspace(), target, chosen, out, force=force, plain=plain)
    if json:
        print_json(made.model_dump(mode="json"))
        return
    from neuroscribe.render.interchange import exported_view

    console().print(exported_view(made))
