"""``neuroscribe doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json


def doctor(
    json: options.Json = False,
    ask: Annotated[
        str | None,
        typer.Option(
            "--ask", metavar="MODEL", help="Also ask this language model one short question."
        ),
    ] = None,
) -> None:
    """Look at the installation and say what is wrong and what to do; nothing is changed."""
    from neuroscribe.doctor import examine

    found = examine(ask)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        from neuroscribe.render.doctor import doctor_view

        console().print(doctor_view(found))
    raise typer.Exit(0 if found.healthy else 1)
