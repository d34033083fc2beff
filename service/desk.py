"""What the service needs done, and by whom: a :class:`Desk`, given to it by who composes.

The service knows HTTP and nothing of models; a desk knows models and nothing of HTTP. Every method
may be called by many requests at once and raises the errors of :mod:`core.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from core.documents import UnitProfile
from core.ids import UnitId
from core.interventions import InterventionDocument
from service.auth import Caller
from service.bodies import (
    ExplainBody,
    ExportAsked,
    FindingsAsked,
    FiringBody,
    InterveneBody,
    LimitsBody,
    RunBody,
    SearchAsked,
    SubjectBody,
    SweepBody,
)
from service.conversations import Talks
from service.documents import (
    FiringFound,
    Health,
    Page,
    ScoredExplanation,
    SubjectShown,
    SubjectSites,
    TextsRun,
)
from storage.documents import DocumentText, SiteLine, Version
from storage.findings import FindingLine, StoredFinding
from storage.found import MeaningPage, SearchPage
from storage.job_documents import JobDocument
from storage.jobs import JobEvent


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for an explanation: a stored document, or the job that makes one."""

    document: DocumentText | None = None
    job: JobDocument | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is read; its beginning is there already."""

    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Held:
    """How many subjects are loaded, and how many bytes their weights take."""

    subjects: int
    bytes: int


class Desk(AbstractAsyncContextManager[None], Protocol):
    """See the module. It is entered before the first request and left after the last."""

    @property
    def talks(self) -> Talks:
        """Who holds conversations."""
        ...

    async def subjects(self) -> list[SubjectShown]:
        """Every subject that may be asked about."""
        ...

    def held(self) -> Held:
        """What is loaded now."""
        ...

    async def add_subject(self, body: SubjectBody) -> SubjectSites:
        """Register a model of the Hugging Face hub once it could be loaded.

        :class:`core.errors.InvalidSetting` when the name stands for another.
        """
        ...

    async def remove_subject(self, name: str) -> None:
        """Forget a subject that was registered; what is stored of it stays."""
        ...

    async def subject(self, name: str) -> SubjectSites:
        """One subject with its sites; it is loaded."""
        ...

    async def document(self, unit: UnitId) -> DocumentText:
        """The newest investigation of a unit; :class:`NotStored` without any."""
        ...

    async def run(self, id: str) -> DocumentText:
        """The investigation of an id; :class:`NotStored` without any."""
        ...

    async def run_of(self, explanation: str) -> str | None:
        """The id of the run that said an explanation; None without it."""
        ...

    async def check(self, unit: UnitId) -> None:
        """Raises where there is no such subject, site or unit."""
        ...

    async def profile(self, unit: UnitId) -> UnitProfile:
        """What a unit fires on; :class:`IndexMissing` when its site was not collected."""
        ...

    async def versions(self, unit: UnitId) -> list[ScoredExplanation]:
        """Everything ever said about a unit, oldest version first."""
        ...

    async def history(self, unit: UnitId) -> list[Version]:
        """The newest versions of what was said about a unit, newest run first."""
        ...

    async def units(self, subject: str, site: str, after: int, limit: int) -> Page[SiteLine]:
        """Units of a site that were investigated, by number, beyond number ``after``."""
        ...

    async def search(self, asked: SearchAsked) -> SearchPage:
        """Explanations that hold words and fit filters, best match first."""
        ...

    async def findings(self, asked: FindingsAsked) -> Page[FindingLine]:
        """Findings, newest first."""
        ...

    async def finding(self, id: str) -> StoredFinding:
        """The finding of an id; :class:`NotStored` without any."""
        ...

    async def export(
        self, subject: str, site: str, index: int | None, asked: ExportAsked
    ) -> Export:
        """Stored answers of a unit, or with ``index`` None of a whole site, as a file.

        :class:`NotStored` where nothing was explained, :class:`InvalidSetting` for what a format
        cannot hold.
        """
        ...

    @property
    def embedder(self) -> str | None:
        """What compares meanings, as it may be shown; None where nothing does."""
        ...

    async def meaning(self, asked: SearchAsked) -> MeaningPage:
        """Explanations that fit filters, nearest in meaning first; 501 where nothing compares."""
        ...

    async def firing(self, body: FiringBody) -> FiringFound:
        """Units that fire on a text; :class:`IndexMissing` when no site was collected."""
        ...

    async def texts(self, body: RunBody) -> TextsRun:
        """Run texts on a unit."""
        ...

    async def intervene(self, body: InterveneBody) -> InterventionDocument:
        """Edit a unit while the model reads."""
        ...

    async def explain(self, body: ExplainBody, caller: Caller, job: str | None) -> Asked:
        """The stored answer, or a job that makes one.

        With ``job`` always the job of this id, made now or known before for the same body;
        :class:`core.errors.MisuseError` when it was made for another.
        """
        ...

    async def sweep(self, body: SweepBody, caller: Caller, job: str | None) -> JobDocument:
        """A job about many units; ``job`` as for :meth:`explain`."""
        ...

    async def jobs(self, limit: int) -> list[JobDocument]:
        """Jobs, newest first."""
        ...

    async def job(self, id: str) -> JobDocument:
        """How a job stands."""
        ...

    async def events(self, job: str, after: int, limit: int) -> Sequence[JobEvent]:
        """What happened in a job since event ``after``, in order."""
        ...

    async def pause(self, job: str, caller: Caller) -> JobDocument:
        """Begin no more units."""
        ...

    async def resume(self, job: str, limits: LimitsBody, caller: Caller) -> JobDocument:
        """Go on with a job that was paused."""
        ...

    async def cancel(self, job: str, caller: Caller) -> JobDocument:
        """End a job."""
        ...

    async def retry_failed(self, job: str, caller: Caller) -> JobDocument:
        """Queue what failed again."""
        ...

    async def ready(self) -> Health:
        """Whether everything that is needed can be reached."""
        ...
