"""``neuroscribe keys``: who may ask the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, cast, get_args

import typer

from core.errors import InvalidSetting
from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json

app = typer.Typer(no_args_is_help=True, help="API keys of the service.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for people.")],
    scope: Annotated[str, typer.Option(help="read, run (and read), or admin (all).")] = "read",
    days: Annotated[float | None, typer.Option(min=0.0, help="Ends after so many days.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None,
    budget_usd: Annotated[
        float | None, typer.Option(min=0.0, help="What all its jobs together may spend.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Requests that all its jobs together may make.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Make a key and print it, this once."""
    from neuroscribe.workspace import Workspace
    from storage import Scope

    if scope not in get_args(Scope):
        raise InvalidSetting(f"{scope!r} is no scope", "known: " + ", ".join(get_args(Scope)))
    if not name.strip() or len(name) > 200:
        raise InvalidSetting("a key's name has 1 to 200 characters", "give a shorter name")
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with Workspace().store() as store:
        record, key = store.keys.create(
            name,
            cast(Scope, scope),
            expires=expires,
            per_minute=per_minute,
            budget_usd=budget_usd,
            max_calls=max_calls,
        )
    if json:
        print_json({"key": key, **record.model_dump(mode="json")})
        return
    console(stderr=True).print(f"key {record.id} ({scope}); it is shown this once:")
    typer.echo(key)


@app.command("list")
def list_keys(json: options.Json = False) -> None:
    """All keys, without their secrets."""
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        found = store.keys.all()
    if json:
        print_json([record.model_dump(mode="json") for record in found])
        return
    from neuroscribe.render.keys import keys_view

    console().print(keys_view(found))


@app.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id.")], json: options.Json = False
) -> None:
    """End a key now."""
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        record = store.keys.revoke(id)
    if json:
        print_json(record.model_dump(mode="json"))
        return
    console(stderr=True).print(f"key {record.id} is revoked")
