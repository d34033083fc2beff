"""Explain many units of a site as one job: choose them, say what it may cost, work, sum up.

``plan_sweep`` decides everything before anything is created; ``explain_layer`` makes the job, or
goes on with the one that was made for the same request, and ``resume_sweep`` goes on with any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import (
    InvalidSetting,
    NeuroscribeError,
    UnknownSite,
)
from core.ids import UnitId
from core.results import Record
from neuroscribe.engines.choice import EngineChoice
from neuroscribe.sweeps.estimate import Estimate, estimate, refuse_if_too_small
from neuroscribe.sweeps.making import concurrency_of, make_job, try_models, unfinished
from neuroscribe.sweeps.request import Keys, SweepRequest, request_of
from neuroscribe.sweeps.summary import SweepDocument, sweep_document
from neuroscribe.sweeps.units import Chosen, choose, named
from neuroscribe.sweeps.work import Pace, work

if TYPE_CHECKING:
    from agent.sweep import SweepProgress
    from neuroscribe.workspace import Workspace
    from storage import Store, StoredJob
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How a sweep is run; nothing here changes an answer. ``None`` is no limit, or the default.

    ``concurrency`` is how many units, and how many requests, are under way at once. ``timeout`` is
    the longest that a unit may take, in seconds.
    """

    budget_usd: float | None = None
    max_calls: int | None = None
    concurrency: int | None = None
    timeout: float | None = None
    engine: EngineChoice = field(default_factory=EngineChoice)

    def check(self) -> None:
        """:class:`MissingExtra` where the engine is not installed."""
        if self.engine.name == "ray":
            from neuroscribe.engines.ray import import_ray

            import_ray()


class SweepPlan(Record):
    """``explain-layer --dry-run --json``: what would be done. ``live`` None: not collected yet.

    ``dead`` units of the site are left out.
    """

    site: str
    width: int
    live: int | None
    dead: int | None
    units: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Swept:
    """A job at the end of a sweep."""

    document: SweepDocument

    @property
    def exit_code(self) -> int:
        """0: no unit is open and one at least is done. 3: the budget is used up. Else 1."""
        if self.document.state == "done":
            return 0 if self.document.items.done else 1
        return 3 if (self.document.reason or "").startswith("budget reached") else 1


def plan_sweep(
    workspace: Workspace,
    request: SweepRequest,
    options: SweepOptions,
    *,
    collecting: Callable[[Progress], None] | None = None,
    collect: bool = True,
) -> tuple[SweepPlan, Chosen, Keys]:
    """Which units are meant, what they may cost, their keys; nothing is created but the index.

    Without ``collect`` an index that is not there yet is not made: all units may be live. Raises
    what ``explain`` does, :class:`UnitOutOfRange` for numbers that the site does not have, and
    :class:`InvalidSetting` for a budget that would not do for one unit.
    """
    request.check(workspace.settings)
    options.check()
    sites = workspace.subject(request.subject).sites()
    if request.site not in sites:
        raise UnknownSite(
            f"subject {request.subject!r} has no site {request.site!r}",
            "sites: " + ", ".join(sites),
        )
    width = sites[request.site].width
    named(request, width)
    index = _index(workspace, request, collecting, collect)
    live = None if index is None else index.live_units(request.site).tolist()
    chosen = choose(request, width, live)
    keys = request.keys(workspace)
    with workspace.store() as store:
        answered = len(store.finished(list(keys.of(chosen.units).values())))
        found = estimate(
            store,
            request,
            units=len(chosen.units) - answered,
            answered=answered,
            concurrency=concurrency_of(workspace, request, options),
            workers=options.engine.workers or 1,
        )
    refuse_if_too_small(found, options.budget_usd, options.max_calls)
    plan = SweepPlan(
        site=request.site_name,
        width=width,
        live=chosen.live,
        dead=chosen.dead,
        units=len(chosen.units),
        estimate=found,
    )
    return plan, chosen, keys


def explain_layer(
    workspace: Workspace,
    request: SweepRequest,
    options: SweepOptions,
    *,
    collecting: Callable[[Progress], None] | None = None,
    planned: Callable[[SweepPlan, StoredJob], None] | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> Swept:
    """Explain the units of a request; each answer is stored, and one that is stored is not asked.

    An unfinished job of the same request is gone on with. ``planned`` hears of the plan and the job
    before the first unit. Raises what :func:`plan_sweep` does before anything is created;
    afterwards only what concerns all units. ``KeyboardInterrupt`` leaves a job that can be resumed.
    """
    request = request.lasting()
    plan, chosen, keys = plan_sweep(workspace, request, options, collecting=collecting)
    try_models(workspace, request, options.budget_usd)
    with workspace.store() as store:
        job = unfinished(store, request, options, chosen) or make_job(
            workspace, store, request, options, chosen, keys
        )
        if planned is not None:
            planned(plan, job)
        return _run(workspace, store, job, request, options, progress, keys)


def resume_sweep(
    workspace: Workspace,
    id: str,
    options: SweepOptions,
    *,
    started: Callable[[StoredJob], None] | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> Swept:
    """Go on with a job that is queued, paused, or whose processes have died, or help with one.

    Limits in ``options`` take the place of the job's: they are for all of it, from its beginning.
    :class:`JobState` when it has ended, :class:`NotStored` without such a job.
    """
    options.check()
    with workspace.store() as store:
        job = store.jobs.get(id)
        request = request_of(job)
        usd = job.budget_usd if options.budget_usd is None else options.budget_usd
        if job.state not in ("done", "cancelled"):
            try_models(workspace, request, usd)
        store.jobs.resume(job.id)
        job = store.jobs.allow(job.id, budget_usd=options.budget_usd, max_calls=options.max_calls)
        if started is not None:
            started(job)
        return _run(workspace, store, job, request, options, progress)


def _run(
    workspace: Workspace,
    store: Store,
    job: StoredJob,
    request: SweepRequest,
    options: SweepOptions,
    progress: Callable[[SweepProgress], None] | None,
    keys: Keys | None = None,
) -> Swept:
    concurrency = options.concurrency or job.concurrency
    pace = Pace(concurrency, workspace.settings.job_lease, options.timeout)
    error: NeuroscribeError | None = None
    if options.engine.name == "ray":
        from neuroscribe.engines.sweeps import sweep_on_ray
        from neuroscribe.sweeps.following import Following

        workspace.subject(request.subject)  # torch's threads are set when it is loaded
        ends = sweep_on_ray(
            workspace,
            job.id,
            pace,
            workers=options.engine.workers,
            address=options.engine.address or workspace.settings.ray_address,
            look=Following(store, job.id, progress) if progress else lambda: None,
        )
        errors = [end if isinstance(end, NeuroscribeError) else end.error for end in ends]
        error = next((e for e in errors if e is not None), None)
    else:
        error = work(workspace, store, job.id, pace, keys=keys, progress=progress).error
    found = sweep_document(store, job.id, seed=request.seed, dead=_dead(job))
    if error is not None and found.items.open:
        error.hint = f"{error.hint}; neuroscribe jobs resume {job.id} goes on".lstrip("; ")
        raise error
    return Swept(found)


def _dead(job: StoredJob) -> int | None:
    found = job.parameters.get("dead")
    return found if isinstance(found, int) else None


def _index(
    workspace: Workspace,
    request: SweepRequest,
    collecting: Callable[[Progress], None] | None,
    collect: bool,
) -> ActivationIndex | None:
    if collect:
        return workspace.index(request.subject, request.site, request.corpus, collecting)
    return workspace.index_if_there(request.subject, request.site, request.corpus)


def units_of_finding(workspace: Workspace, id: str, subject: str, site: str) -> str:
    """:func:`named_by` a finding of the workspace's store."""
    with workspace.store() as store:
        return named_by(store, id, subject, site)


def only_finding(units: str | None, sample: int | None) -> None:
    """:class:`InvalidSetting` where units are chosen otherwise beside a finding."""
    if units is not None or sample is not None:
        raise InvalidSetting(
            "a finding names the units, as units and sample do", "give one of the three"
        )


def named_by(store: Store, id: str, subject: str, site: str) -> str:
    """The units that a stored finding names on a site, as ``--units`` takes them.

    :class:`NotStored` without such a finding, :class:`InvalidSetting` when it names none there.
    """
    finding = store.findings.get(id)
    found = finding.on(site) if finding.subject == subject else ()
    if not found:
        places = dict.fromkeys(f"{f.unit.subject}/{f.unit.site}" for f in finding.units)
        raise InvalidSetting(
            f"finding {finding.id!r} names no unit of {subject}/{site}",
            "it names units of " + (", ".join(places) or "nothing"),
        )
    return ",".join(str(f.unit.index) for f in found)


def site_of(text: str) -> tuple[str, str]:
    """``subject/site``; :class:`InvalidSetting` or :class:`MalformedId` for anything else."""
    subject, slash, site = text.partition("/")
    if not slash or "/" in site:
        raise InvalidSetting(f"{text!r} is not a site", "write it as subject/site: demo/mlp.2")
    UnitId(subject, site, 0)
    return subject, site


__all__ = [
    "SweepOptions",
    "SweepPlan",
    "SweepRequest",
    "Swept",
    "explain_layer",
    "named_by",
    "only_finding",
    "plan_sweep",
    "resume_sweep",
    "site_of",
    "units_of_finding",
]
