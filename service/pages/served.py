"""The pages that lead to units and beside them: home, models, jobs, a unit with what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.documents import ExplainDocument
from core.ids import UnitId
from service.documents import FiringFound, SubjectShown, SubjectSites
from service.pages.figures import VERDICTS
from service.pages.history import Notice
from service.pages.templating import encodable, environment
from service.pages.tried import Tried
from service.pages.unit import shown
from storage.documents import Version
from storage.found import MeaningPage, SearchPage
from storage.job_documents import JobDocument
from storage.jobs import JobEvent, JobStatus

EVENTS_SHOWN = 200
ACTIONS = (
    ("pause", "Pause"),
    ("resume", "Resume"),
    ("cancel", "Cancel"),
    ("retry-failed", "Retry what failed"),
)
FILES = (
    ("html", "one-file page"),
    ("jsonl", "JSON line"),
    ("neuronpedia", "Neuronpedia"),
    ("neuron-explainer", "neuron-explainer"),
)


def page(template: str, **values: Any) -> str:
    """A page from one of the templates."""
    return encodable(environment().get_template(template).render(values))


def home_page(subjects: Sequence[SubjectShown], jobs: Sequence[JobDocument]) -> str:
    """What there is."""
    return page("home.html.j2", subjects=subjects, jobs=jobs)


def subject_page(subject: SubjectSites) -> str:
    """A model's layers."""
    return page("subject.html.j2", subject=subject)


def search_page(
    asked: Mapping[str, Any], found: SearchPage | MeaningPage | None = None, fault: str = ""
) -> str:
    """What was found for ``asked`` (``q``, ``by``, ``embedder``, ``subjects``).

    ``found`` is None where nothing was looked for.
    """
    return page(
        "search.html.j2",
        text="",
        subject="",
        site="",
        **asked,
        found=found,
        hits=() if found is None else found.hits,
        all=found.all if isinstance(found, MeaningPage) else None,
        fault=fault,
        verdicts=VERDICTS,
    )


def firing_page(asked: Mapping[str, Any], found: FiringFound | None = None, fault: str = "") -> str:
    """Units that fire on ``asked`` (``subject``, ``site``, ``text``, ``subjects``)."""
    return page("firing.html.j2", **asked, found=found, fault=fault, verdicts=VERDICTS)


def jobs_page(jobs: Sequence[JobDocument]) -> str:
    """The newest jobs."""
    return page("jobs.html.j2", jobs=jobs)


def job_page(job: JobDocument, events: Sequence[JobEvent]) -> str:
    """How a job stands and what happened in it; a script follows it from there."""
    failed = job.items.failed > 0
    actions = [(name, title, usable(name, job.state, failed)) for name, title in ACTIONS]
    return page("job.html.j2", job=job, actions=actions, events=[said(event) for event in events])


def usable(action: str, state: JobStatus, failed: bool) -> bool:
    """Whether a job in this state can be acted on so; ``app.js`` knows the same."""
    match action:
        case "pause":
            return state in ("queued", "running")
        case "resume":
            return state == "paused"
        case "cancel":
            return state not in ("done", "cancelled")
        case _:
            return failed and state != "cancelled"


def said(event: JobEvent) -> str:
    """An event as a line for people."""
    data = event.data
    if event.kind == "job":
        reason = f": {data['reason']}" if data.get("reason") else ""
        return f"{data.get('state')}{reason}"
    if event.kind == "item":
        if data.get("state") == "failed":
            return f"{data.get('unit')} failed: {data.get('error')}"
        score = data.get("score")
        figure = f", ρ {score:.2f}" if isinstance(score, float) else ""
        return f"{data.get('unit')} {data.get('verdict')}{figure}"
    return f"{data.get('unit')} {data.get('name')}: {data.get('said')}"


def unit_page(
    unit: UnitId,
    document: ExplainDocument | None,
    *,
    versions: Sequence[Version] = (),
    notices: Sequence[Notice] = (),
    tried: Tried | None = None,
) -> str:
    """A unit: what was found of it and ever said of it, and what the reader tried on it."""
    tried = tried or Tried()
    drawn = {} if document is None else shown(document) | {"served": True}
    beside = {
        "document": document,
        "unit": str(unit),
        "subject": unit.subject,
        "site": unit.site,
        "versions": versions,
        "notices": notices,
        "files": FILES,
        "tried": tried,
        "own": tried.row,
        "edited": tried.moved,
    }
    return page("served_unit.html.j2", **(drawn | beside))
