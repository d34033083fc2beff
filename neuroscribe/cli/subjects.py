"""``neuroscribe subjects``: which models can be asked about."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json

app = typer.Typer(no_args_is_help=True, help="Which models can be asked about.")


@app.command("list")
def list_subjects(json: options.Json = False) -> None:
    """The built-in subjects and those that were added."""
    from neuroscribe.workspace import Workspace
    from subjects.registry import subject_names

    added = Workspace().registered()
    rows = [{"name": name, "source": "built in", "revision": ""} for name in subject_names()]
    rows += [{"name": name, **entry} for name, entry in sorted(added.items())]
    if json:
        print_json({"subjects": rows})
        return
    screen = console()
    for row in rows:
        screen.print(f"{row['name']:<16} {row['source']} {row['revision']}".rstrip(), markup=False)


@app.command("add")
def add(
    source: Annotated[str, typer.Argument(help="A folder, or org/model[@revision].")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it.")] = None,
    revision: options.Revision = None,
    json: options.Json = False,
) -> None:
    """Give a model on disk or on the Hugging Face hub a name."""
    from neuroscribe.workspace import Workspace
    from subjects.registry import parse_source

    found = parse_source(source, name=name, revision=revision)
    Workspace().register(found.name, found.source, found.revision)
    if json:
        print_json({"name": found.name, "source": found.source, "revision": found.revision})
        return
    console().print(f"{found.name} is {found.source}", markup=False)
