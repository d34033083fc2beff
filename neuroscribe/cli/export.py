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
        str,
        typer.Option(
            "--format",
            help="html (one page), jsonl (one document a line), neuron-explainer or neuronpedia.",
            metavar="FORMAT",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.", metavar="FOLDER")],
    json: options.Json = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Only fields of the format, for tools that refuse any other."),
    ] = False,
    details: Annotated[
        bool,
        typer.Option("--details", help="In the page of a site: scores and excerpts of each unit."),
    ] = False,
) -> None:
    """Write stored answers as a page, as documents, or in the format of another tool."""
    from neuroscribe.exports import check_asked, export_own
    from neuroscribe.interchange.exporting import Target, export_answers
    from neuroscribe.workspace import Workspace

    target, chosen = Target.parse(unit), options.export_format(format)
    check_asked(chosen, details=details, plain=plain)
    if chosen == "html" or chosen == "jsonl":
        made = export_own(Workspace(), target, chosen, out, force=force, details=details)
    else:
        made = export_answers(Workspace(), target, chosen, out, force=force, plain=plain)
    if json:
        print_json(made.model_dump(mode="json"))
        return
    from neuroscribe.render.interchange import exported_view

    console().print(exported_view(made))
