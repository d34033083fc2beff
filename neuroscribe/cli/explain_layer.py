"""``neuroscribe explain-layer SITE``, and what ``neuroscribe jobs resume`` shares with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidSetting
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json
from neuroscribe.cli.sweep_progress import sweeping

if TYPE_CHECKING:
    from neuroscribe.sweeping import SweepOptions, SweepPlan, Swept
    from storage import StoredJob

Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0.001, help="Seconds after which a unit fails. Default: never."),
]
Units = Annotated[
    int | None,
    typer.Option(
        "--concurrency", min=1, max=1024, help="Units, and requests, under way at one time."
    ),
]


def explain_layer(
    site: Annotated[
        str, typer.Argument(metavar="SITE", help="Which site: subject/site, e.g. demo/mlp.2.")
    ],
    units: Annotated[
        str | None,
        typer.Option("--units", metavar="NUMBERS", help="Only these, such as 0-99,120,7."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Only so many live units, drawn by the seed."),
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            "--finding", metavar="ID", help="Only those that a stored finding names here."
        ),
    ] = None,
    json: options.Json = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which units, and what they may cost.")
    ] = False,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    concurrency: Units = None,
    timeout: Timeout = None,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    ray_address: options.RayAddress = None,
    mode: options.Mode = "agent",
    arms: options.Arms = False,
    neighbours: Annotated[
        int,
        typer.Option(
            "--neighbours",
            min=0,
            max=20,
            help="Offer a language model explanations of so many nearby units. What it says then "
            "depends on the order in which units are answered.",
        ),
    ] = 0,
    explainer: options.Explainer = "pattern",
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
    candidates: options.Candidates = 3,
    score_excerpts: options.Scored = 10,
    scorers: options.Scorers = "simulation",
    embedder: options.Embedder = None,
    embedder_revision: options.EmbedderRevision = None,
    seed: options.Seed = 0,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Explain all live units of a site as one job that survives a kill and keeps to a budget.

    Run again, it goes on where it was. Exit code 0: done, at least one unit explained or judged; 1:
    every unit failed, or the job was stopped from elsewhere; 3: the budget is used up.
    """
    from neuroscribe.engines.choice import EngineChoice
    from neuroscribe.sweeping import (
        SweepOptions,
        SweepRequest,
        plan_sweep,
        site_of,
        units_of_finding,
    )
    from neuroscribe.sweeping import explain_layer as run

    subject, place = site_of(site)
    how = SweepOptions(
        budget_usd=budget_usd,
        max_calls=max_calls,
        concurrency=concurrency,
        timeout=timeout,
        engine=EngineChoice(engine, workers, ray_address),
    )
    workspace = options.workspace(subject, source, revision, trust_remote_code)
    if finding is not None:
        if units is not None or sample is not None:
            raise InvalidSetting(
                "--finding names the units, as --units and --sample do", "give one of the three"
            )
        units = units_of_finding(workspace, finding, subject, place)
    request = SweepRequest(
        subject,
        place,
        units=units,
        sample=sample,
        seed=seed,
        mode=options.investigation_mode(mode),
        corpus=options.corpus_choice(corpus, column, limit, window, per_document),
        models=options.model_choice(
            explainer,
            simulator,
            strategy,
            candidates,
            score_excerpts,
            (scorers, embedder, embedder_revision),
        ),
        arms=arms,
        neighbours=neighbours,
    )
    if dry_run:
        plan, *_ = plan_sweep(workspace, request.lasting(), how, collect=False)
        _print_plan(plan, json)
        return
    with collecting(quiet=json) as collected, sweeping() as progress:
        swept = run(
            workspace, request, how, collecting=collected, planned=_tell_plan, progress=progress
        )
    finish(swept, json)


def finish(swept: Swept, json: bool) -> None:
    """Print what came of it, say how to go on, and exit with its code."""
    document = swept.document
    if json:
        print_json(document.model_dump(mode="json"))
    else:
        from neuroscribe.render.sweeps import sweep_view

        console().print(sweep_view(document))
    if swept.exit_code == 3:
        say(f"{document.reason}: neuroscribe jobs resume {document.id} with a larger one goes on")
    raise typer.Exit(swept.exit_code)


def say(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(" ".join(text.split()) + "\n")


def tell_job(job: StoredJob) -> None:
    """Which job it is, and how to go on with it."""
    say(f"job {job.id}: after an interruption, neuroscribe jobs resume {job.id} goes on")


def _tell_plan(plan: SweepPlan, job: StoredJob) -> None:
    from neuroscribe.render.sweeps import plan_view

    console(stderr=True).print(plan_view(plan), markup=False)
    tell_job(job)


def _print_plan(plan: SweepPlan, json: bool) -> None:
    if json:
        print_json(plan.model_dump(mode="json"))
        return
    from neuroscribe.render.sweeps import plan_view

    console().print(plan_view(plan))


def resume(id: str, how: SweepOptions, trust_remote_code: bool, json: bool) -> None:
    """Go on with a job."""
    from neuroscribe.sweeping import resume_sweep
    from neuroscribe.workspace import Workspace

    workspace = Workspace(trust_remote_code=trust_remote_code)
    with sweeping() as progress:
        swept = resume_sweep(workspace, id, how, started=tell_job, progress=progress)
    finish(swept, json)
