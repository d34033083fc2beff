"""``neuroscribe llm``: look at what was said to language models, and say it again."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json

app = typer.Typer(
    help="List and replay requests to language models.", no_args_is_help=True, add_completion=False
)
Call = Annotated[str, typer.Argument(metavar="ID", help="A call's id, or its first characters.")]


@app.command("log")
def log(
    json: options.Json = False,
    run: Annotated[str | None, typer.Option("--run", help="Only calls of this run key.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="explainer, simulator, ...")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="ok, refused, truncated or failed.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
) -> None:
    """List calls, newest first, and what they cost."""
    from neuroscribe.calls import list_calls

    calls, spent = list_calls(run=run, role=role, status=status, limit=limit)
    if json:
        bodies = {"request", "response"}
        told = [call.model_dump(mode="json", exclude=bodies) for call in calls]
        print_json({"calls": told, "spent": spent.model_dump(mode="json")})
        return
    from neuroscribe.render.calls import calls_view

    console().print(calls_view(calls, spent))


@app.command("show")
def show(id: Call, json: options.Json = False) -> None:
    """Show one call: what was asked and what came back."""
    from neuroscribe.calls import find_call

    call = find_call(id)
    if json:
        print_json(call.model_dump(mode="json"))
        return
    from neuroscribe.render.calls import call_view

    console().print(call_view(call))


@app.command("replay")
def replay(
    id: Call,
    json: options.Json = False,
    model: Annotated[
        str | None, typer.Option("--model", help="Ask this model instead of the one that answered.")
    ] = None,
    budget_usd: options.BudgetUsd = None,
) -> None:
    """Put one stored request again, past the cache, and compare the answers."""
    from neuroscribe.calls import replay_call

    old, new = replay_call(id, model=model, usd=budget_usd)
    if json:
        print_json({"before": old.model_dump(mode="json"), "now": new.model_dump(mode="json")})
        return
    from neuroscribe.render.calls import replay_view

    console().print(replay_view(old, new))
