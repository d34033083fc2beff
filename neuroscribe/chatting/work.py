"""Tools about jobs: which there are, how one stands, and beginning a sweep of a layer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from agent.chat.tools import ChatTool, Data, Estimate
from core.errors import IndexMissing, InvalidSetting
from core.results import Finite, Record
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.told import told_cost, told_job
from neuroscribe.sweeping import SweepOptions, SweepRequest, plan_sweep, site_of
from neuroscribe.sweeps.making import make_job, try_models, unfinished
from neuroscribe.sweeps.request import Keys
from neuroscribe.sweeps.units import Chosen
from storage.job_documents import job_document, job_documents

if TYPE_CHECKING:
    from storage import Store, StoredJob

_JOBS = 10
Launch = Callable[[str], None]
"""Begins to work on the job of an id, and does not wait for it."""


class JobMaker(Protocol):
    """Makes the job of a sweep, or takes the unfinished one, and has it worked on."""

    def __call__(
        self,
        desk: Desk,
        store: Store,
        request: SweepRequest,
        options: SweepOptions,
        chosen: Chosen,
        keys: Keys,
    ) -> StoredJob:
        """Returns at once."""
        ...


class NoArguments(Record):
    """Nothing to say."""


class WhichJob(Record):
    """A job's id, or its first characters."""

    job: str = Field(min_length=4, max_length=64)


class Sweep(Record):
    """A layer, or some of its units, and what the job may spend on language models."""

    site: str = Field(description="subject/site, such as demo/mlp.2")
    units: str | None = Field(default=None, description="Only these numbers, such as 0-99,120")
    sample: int | None = Field(default=None, ge=1, description="Only so many live units, drawn")
    budget_usd: Finite | None = Field(default=None, ge=0)
    max_calls: int | None = Field(default=None, ge=0)


def launch(job: str) -> None:
    """Work on a job in a process of its own, which outlives this one."""
    subprocess.Popen(
        [sys.executable, "-m", "neuroscribe", "jobs", "resume", job, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@dataclass(frozen=True, slots=True)
class LaunchedJobs:
    """Jobs of the command line, each worked on by what ``begin`` starts."""

    begin: Launch = launch

    def __call__(
        self,
        desk: Desk,
        store: Store,
        request: SweepRequest,
        options: SweepOptions,
        chosen: Chosen,
        keys: Keys,
    ) -> StoredJob:
        """See :class:`JobMaker`. Raises what opening a model raises."""
        try_models(desk.workspace, request, options.budget_usd)
        job = unfinished(store, request, options, chosen) or make_job(
            desk.workspace, store, request, options, chosen, keys
        )
        self.begin(job.id)
        return job


def job_tools(desk: Desk, make: JobMaker) -> list[ChatTool]:
    """``list_jobs``, ``job_status`` and ``start_sweep``."""
    return [
        ChatTool("list_jobs", "The newest jobs.", NoArguments, lambda _: _list(desk)),
        ChatTool(
            "job_status", "How a job stands.", WhichJob, lambda given: _status(desk, given.job)
        ),
        ChatTool(
            "start_sweep",
            "Explain all live units of a layer, or some, as a job in the background. The user is "
            "asked to confirm.",
            Sweep,
            lambda given: _start(desk, given, make),
            lambda given: _sweep_cost(desk, given),
        ),
    ]


def _list(desk: Desk) -> Data:
    with desk.workspace.store() as store:
        return {"jobs": [told_job(job) for job in job_documents(store.jobs, _JOBS)]}


def _status(desk: Desk, id: str) -> Data:
    with desk.workspace.store() as store:
        return told_job(job_document(store.jobs, id))


def _asked(desk: Desk, given: Sweep) -> tuple[SweepRequest, SweepOptions]:
    """The sweep; under a budget it gets a part of it that was named."""
    subject, site = site_of(given.site)
    budget = desk.budget
    limits = [
        ("dollars", given.budget_usd, budget.usd, budget.spent_usd),
        ("calls", given.max_calls, budget.calls, budget.spent_calls),
    ]
    for of, part, whole, spent in limits:
        if not desk.models.asked or whole is None:
            continue
        if part is None or part > whole - spent:
            raise InvalidSetting(
                f"this conversation has a budget, of which {whole - spent:g} {of} are left",
                "say how much of it the job may spend (budget_usd, max_calls)",
            )
    all_live = not desk.collects and given.units is None
    if all_live and desk.workspace.index_if_there(subject, site, desk.corpus) is None:
        raise IndexMissing(
            f"site {given.site!r} was not collected yet, so its live units are not known",
            "name units, or explain one of them first",
        )
    request = SweepRequest(
        subject,
        site,
        units=given.units,
        sample=given.sample,
        corpus=desk.corpus,
        models=desk.models,
    )
    return request.lasting(), SweepOptions(given.budget_usd, given.max_calls)


def _sweep_cost(desk: Desk, given: Sweep) -> Estimate:
    request, options = _asked(desk, given)
    plan, *_ = plan_sweep(desk.workspace, request, options, collect=False)
    answered = f", {plan.estimate.answered} are stored" if plan.estimate.answered else ""
    return Estimate(
        said=f"explain {plan.units} units of {plan.site}{answered}: {told_cost(plan.estimate)}",
        figures=plan.model_dump(mode="json"),
    )


def _start(desk: Desk, given: Sweep, make: JobMaker) -> Data:
    request, options = _asked(desk, given)
    _, chosen, keys = plan_sweep(desk.workspace, request, options, collect=desk.collects)
    with desk.workspace.store() as store:
        job = make(desk, store, request, options, chosen, keys)
        if desk.models.asked:
            desk.put_aside(given.budget_usd or 0.0, given.max_calls or 0)
        return told_job(job_document(store.jobs, job.id))
