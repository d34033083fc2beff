"""``neuroscribe bench``: studies of the scores themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json

app = typer.Typer(no_args_is_help=True, help="Studies of the scores themselves.")

SMOKE_UNITS = 2


@app.command("validity")
def validity(
    json: options.Json = False,
    html: options.Html = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help=f"{SMOKE_UNITS} units of each family.")
    ] = False,
    per_family: Annotated[int, typer.Option("--per-family", min=1, help="Units a family.")] = 20,
    families: Annotated[
        str | None, typer.Option("--families", metavar="A,B", help="Only these planted families.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Draw units this often, by seeds 0, 1, ...")
    ] = 1,
    explainer: Annotated[
        str,
        typer.Option("--explainer", metavar="MODEL", help="Also score what pattern or MODEL says."),
    ] = "none",
    simulator: Annotated[
        str, typer.Option("--simulator", metavar="MODEL", help="pattern, or a language model.")
    ] = "pattern",
    strategy: options.Strategy = "auto",
    score_excerpts: options.Scored = 10,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    corpus: options.Corpus = "builtin",
) -> None:
    """On units whose truth is known: which scores tell it from explanations that are wrong?"""
    from neuroscribe.models import Spending
    from neuroscribe.studies.validity import run_validity
    from neuroscribe.workspace import CorpusChoice, Workspace

    with collecting(quiet=json) as progress, counting("units", quiet=json) as told:
        found = run_validity(
            Workspace(),
            CorpusChoice(corpus),
            families=families.split(",") if families else None,
            per_family=SMOKE_UNITS if smoke else per_family,
            seeds=range(seeds),
            models=options.model_choice(
                explainer, simulator, strategy, 1, score_excerpts, ("simulation", None, None)
            ),
            spending=Spending(budget_usd, max_calls, max_tokens, concurrency),
            progress=progress,
            told=told,
        )
    if html is not None:
        from neuroscribe.render.studies import validity_page
        from subjects.index.files import write_bytes

        write_bytes(html, validity_page(found).encode("utf-8"))
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_studies import validity_view

    console().print(validity_view(found))


@app.command("protocol")
def protocol(
    json: options.Json = False,
    html: options.Html = None,
    units: Annotated[int, typer.Option("--units", min=1, help="Units of each subject.")] = 24,
    subject: Annotated[str, typer.Option("--subject", help="Beside planted units.")] = "demo",
    site: Annotated[str, typer.Option("--site", help="Where its units are drawn.")] = "mlp.2",
    seed: options.Seed = 0,
    corpus: options.Corpus = "builtin",
) -> None:
    """How do window, number of excerpts and their strength change what is explained?"""
    from neuroscribe.studies.protocol import Place, run_protocol
    from neuroscribe.studies.validity import expressible_families
    from neuroscribe.workspace import Workspace

    workspace = Workspace()
    planted = tuple(expressible_families(workspace))
    with counting("explanations", quiet=json) as told:
        found = run_protocol(
            workspace,
            [Place(subject, (site,), units), Place("planted", planted, units)],
            corpus=corpus,
            seed=seed,
            told=told,
        )
    if html is not None:
        from neuroscribe.render.studies import protocol_page
        from subjects.index.files import write_bytes

        write_bytes(html, protocol_page(found).encode("utf-8"))
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_studies import protocol_view

    console().print(protocol_view(found))


@app.command("scaling")
def scaling(
    json: options.Json = False,
    subjects: Annotated[
        str, typer.Option("--subjects", metavar="A,B", help="Subjects with MLP neurons.")
    ] = "demo-tiny,demo-small,demo",
    units: Annotated[int, typer.Option("--units", min=1, help="Units of each subject.")] = 20,
    explainer: options.Explainer = "pattern",
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
    candidates: options.Candidates = 3,
    score_excerpts: options.Scored = 10,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    seed: options.Seed = 0,
    corpus: options.Corpus = "builtin",
) -> None:
    """How does ρ change with the subject's size, and with who explains and simulates?"""
    from neuroscribe.models import Spending
    from neuroscribe.studies.scaling import run_scaling
    from neuroscribe.workspace import CorpusChoice, Workspace

    models = options.model_choice(
        explainer, simulator, strategy, candidates, score_excerpts, ("simulation", None, None)
    )
    with counting("units", quiet=json) as told:
        found = run_scaling(
            Workspace(),
            subjects.split(","),
            models,
            units=units,
            corpus=CorpusChoice(corpus),
            spending=Spending(budget_usd, max_calls, max_tokens, concurrency),
            seed=seed,
            told=told,
        )
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_studies import scaling_view

    console().print(scaling_view(found))


@app.command("agent")
def agent(
    json: options.Json = False,
    subject: Annotated[
        str, typer.Option("--subject", help="planted (by family), or one with MLP neurons.")
    ] = "planted",
    units: Annotated[
        int, typer.Option("--units", min=1, help="Live units; of planted ones, of each family.")
    ] = 10,
    families: Annotated[
        str | None, typer.Option("--families", metavar="A,B", help="Only these planted families.")
    ] = None,
    explainer: options.Explainer = "pattern",
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
    candidates: options.Candidates = 3,
    score_excerpts: options.Scored = 10,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    seed: options.Seed = 0,
    corpus: options.Corpus = "builtin",
) -> None:
    """What are experiments worth? The agent beside arms that cost the same or less."""
    from neuroscribe.models import Spending
    from neuroscribe.studies.arms import question_of, run_arms
    from neuroscribe.workspace import CorpusChoice, Workspace

    workspace = Workspace()
    chosen = families.split(",") if families else None
    models = options.model_choice(
        explainer, simulator, strategy, candidates, score_excerpts, ("simulation", None, None)
    )
    with collecting(quiet=json) as progress, counting("units", quiet=json) as told:
        found = run_arms(
            workspace,
            CorpusChoice(corpus),
            question_of(workspace, subject, units, chosen, seed),
            models=models,
            spending=Spending(budget_usd, max_calls, max_tokens, concurrency),
            progress=progress,
            told=told,
        )
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_arms import arms_view

    console().print(arms_view(found))


@contextmanager
def counting(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback that hears how many of how many are done, drawn on stderr on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return

    def draw(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total} {what}{end}")
        sys.stderr.flush()

    yield draw
