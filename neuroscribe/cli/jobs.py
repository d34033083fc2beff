"""``neuroscribe jobs``: how long pieces of work stand, and what is to become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neuroscribe.cli import explain_layer, options
from neuroscribe.cli.output import console, print_json

if TYPE_CHECKING:
    from storage.job_documents import JobDocument

app = typer.Typer(
    help="List, follow, pause, resume and cancel jobs.", no_args_is_help=True, add_completion=False
)
Job = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its first characters.")]


@app.command("list")
def list_(
    json: options.Json = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many.")] = 20,
) -> None:
    """List jobs, newest first."""
    from neuroscribe.jobs import list_jobs

    found = list_jobs(limit)
    if json:
        print_json({"jobs": [job.model_dump(mode="json") for job in found]})
        return
    from neuroscribe.render.jobs import jobs_view

    console().print(jobs_view(found))


@app.command("show")
def show(id: Job, json: options.Json = False) -> None:
    """Show how a job stands: units by state, what failed and why, what it cost."""
    from neuroscribe.jobs import show_job

    _print(show_job(id), json)


@app.command("pause")
def pause(id: Job, json: options.Json = False) -> None:
    """Begin no more units of a job; those in hand are finished."""
    from neuroscribe.jobs import pause_job

    _print(pause_job(id), json)


@app.command("cancel")
def cancel(id: Job, json: options.Json = False) -> None:
    """End a job; units in hand are dropped, answers that were paid for are kept."""
    from neuroscribe.jobs import cancel_job

    _print(cancel_job(id), json)


@app.command("resume")
def resume(
    id: Job,
    json: options.Json = False,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    concurrency: explain_layer.Units = None,
    timeout: explain_layer.Timeout = None,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    ray_address: options.RayAddress = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Go on with a job here: one that was paused or killed, or one that others work on.

    Limits take the place of the job's own; they count from its beginning.
    """
    from neuroscribe.engines.choice import EngineChoice
    from neuroscribe.sweeping import SweepOptions

    how = SweepOptions(
        budget_usd=budget_usd,
        max_calls=max_calls,
        concurrency=concurrency,
        timeout=timeout,
        engine=EngineChoice(engine, workers, ray_address),
    )
    explain_layer.resume(id, how, trust_remote_code, json)


@app.command("retry-failed")
def retry_failed(id: Job, json: options.Json = False) -> None:
    """Queue the failed units of a job again; jobs resume works on them."""
    from neuroscribe.jobs import retry_failed

    job, count = retry_failed(id)
    if json:
        print_json({**job.model_dump(mode="json"), "requeued": count})
        return
    console().print(f"{count} units queued again", markup=False)
    _print(job, json)


def _print(job: JobDocument, json: bool) -> None:
    if json:
        print_json(job.model_dump(mode="json"))
        return
    from neuroscribe.render.jobs import job_view

    console().print(job_view(job))
