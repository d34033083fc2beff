"""A desk that holds everything in memory: what the service does with it is what is tested."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import TracebackType

from fake_talks import FakeTalks

from core.documents import UnitProfile
from core.errors import (
    IndexMissing,
    InvalidSetting,
    NotStored,
    StorageError,
    UnknownSite,
    UnknownSubject,
)
from core.ids import UnitId
from core.interventions import InterventionDocument, MeanOverTexts, MovedAtRandom, MovedText
from core.results import Usage
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
from service.desk import Asked, Export, Held
from service.documents import (
    FiringFound,
    FiringNull,
    FiringUnit,
    Health,
    Page,
    ScoredExplanation,
    SiteShown,
    SubjectShown,
    SubjectSites,
    TextRun,
    TextsRun,
)
from storage.calls import Spent
from storage.documents import DocumentText, SiteLine, Version
from storage.findings import FindingLine, StoredFinding
from storage.found import (
    FoundByMeaning,
    FoundExplanation,
    FoundScore,
    MeaningPage,
    SearchPage,
    Similarities,
)
from storage.job_documents import JobDocument
from storage.jobs import JobCounts, JobEvent, JobStatus

TIME = "2025-01-31T12:00:00.000000Z"
RUNNING = JobCounts(running=1)


def job_document(id: str, state: JobStatus = "running", items: JobCounts = RUNNING) -> JobDocument:
    return JobDocument(
        id=id,
        kind="explain-layer",
        subject="demo",
        site="mlp.0",
        state=state,
        reason=None,
        items=items,
        verdicts={},
        failures={},
        failed_units=(),
        usage=Usage(),
        spent=Spent(),
        workers=1,
        eta_seconds=None,
        budget_usd=None,
        max_calls=None,
        concurrency=1,
        engine="service",
        owner=None,
        parameters={},
        created=TIME,
        updated=TIME,
        finished=TIME if state in ("done", "cancelled") else None,
    )


class FakeDesk:
    """``documents`` by unit, ``happened`` by job. ``broken`` is raised by everything.

    ``older`` are documents of runs that are not the newest of their unit, by run; ``found`` are
    findings, newest first; ``said`` are the versions of every unit.
    """

    def __init__(self) -> None:
        self.documents: dict[UnitId, DocumentText] = {}
        self.happened: dict[str, list[JobEvent]] = {}
        self.older: dict[str, DocumentText] = {}
        self.found: list[StoredFinding] = []
        self.said: list[Version] = []
        self.broken: Exception | None = None
        self.asked: list[object] = []
        self.callers: list[Caller] = []
        self.reads = 0
        self.hit = FoundExplanation(
            unit=UnitId("demo", "mlp.0", 1),
            explanation="e1",
            run="r1",
            text='Fires 10/10 on "<b>".',
            version=1,
            side="input",
            method="pattern",
            verdict="explained",
            finished=TIME,
            score=FoundScore(
                value=0.9,
                low=0.8,
                high=0.95,
                caution=None,
                null_p95=0.1,
                n_excerpts=100,
                status="ok",
                reason=None,
            ),
            snippet=(("Fires", True), (' 10/10 on "<b>".', False)),
        )
        self.embedder: str | None = "minilm"
        self.entered = False
        self.talks = FakeTalks()
        self.talks.check = self._check

    async def __aenter__(self) -> None:
        self.entered = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.entered = False

    def happen(self, job: str, kind: str, **data: object) -> None:
        events = self.happened.setdefault(job, [])
        event = {"job": job, "number": len(events) + 1, "time": TIME, "kind": kind, "data": data}
        events.append(JobEvent.model_validate(event))

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def subjects(self) -> list[SubjectShown]:
        self._check()
        return [SubjectShown(name="demo", built_in=True, source="built in")]

    async def subject(self, name: str) -> SubjectSites:
        self._check()
        if name != "demo":
            raise UnknownSubject(f"there is no subject {name!r}", "known: demo")
        site = SiteShown(name="mlp.0", width=8, layer=0, non_negative=True)
        return SubjectSites(
            name="demo", built_in=True, source="x", family="causal", spec_hash="0", sites=[site]
        )

    def held(self) -> Held:
        return Held(2, 3_000_000)

    async def add_subject(self, body: SubjectBody) -> SubjectSites:
        self.asked.append(body)
        return await self.subject("demo")

    async def remove_subject(self, name: str) -> None:
        await self.subject(name)
        self.asked.append(name)

    async def document(self, unit: UnitId) -> DocumentText:
        self._check()
        if unit not in self.documents:
            raise NotStored(f"unit {str(unit)!r} was not explained yet", "explain it")
        return self.documents[unit]

    async def run(self, id: str) -> DocumentText:
        self._check()
        for found in (*self.documents.values(), *self.older.values()):
            if found.run == id:
                return found
        raise NotStored(f"run {id!r} is not in the store", "check the id")

    async def run_of(self, explanation: str) -> str | None:
        return "r1" if explanation == self.hit.explanation else None

    async def check(self, unit: UnitId) -> None:
        await self.subject(unit.subject)

    async def profile(self, unit: UnitId) -> UnitProfile:
        raise IndexMissing("not collected yet", "collect it")

    async def versions(self, unit: UnitId) -> list[ScoredExplanation]:
        self._check()
        return []

    async def history(self, unit: UnitId) -> list[Version]:
        return self.said

    async def findings(self, asked: FindingsAsked) -> Page[FindingLine]:
        self._check()
        self.asked.append(asked)
        left = [f for f in self.found if asked.after is None or f.number < asked.after]
        shown = left[: asked.limit]
        return Page(
            items=[FindingLine.of(f) for f in shown],
            next=str(shown[-1].number) if len(left) > asked.limit else None,
        )

    async def finding(self, id: str) -> StoredFinding:
        self._check()
        for found in self.found:
            if found.finding.id == id:
                return found
        raise NotStored(f"finding {id!r} is not in the store", "check the id")

    async def export(
        self, subject: str, site: str, index: int | None, asked: ExportAsked
    ) -> Export:
        await self.subject(subject)
        self.asked.append((index, asked))
        if site != "mlp.0":
            raise NotStored(f"no answer about {subject}/{site} is stored", "make one")
        return Export("demo-mlp.0.jsonl", "application/x-ndjson", self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b'{"a":1}\n'
        self._check()
        yield b'{"b":2}\n'

    async def units(self, subject: str, site: str, after: int, limit: int) -> Page[SiteLine]:
        self._check()
        lines = [
            SiteLine(unit=UnitId(subject, site, n), verdict="abstained", run=f"r{n}", finished=TIME)
            for n in range(after + 1, 5)
        ]
        more = len(lines) > limit
        return Page(items=lines[:limit], next=str(lines[limit - 1].unit.index) if more else None)

    async def search(self, asked: SearchAsked) -> SearchPage:
        self._check()
        self.asked.append(asked)
        if asked.q == "-":
            raise InvalidSetting("nothing to look for in '-'", "give a word")
        hits = (self.hit,) if asked.after is None and asked.q != "nothing" else ()
        return SearchPage(hits=hits, after="end" if hits else None)

    async def meaning(self, asked: SearchAsked) -> MeaningPage:
        self._check()
        self.asked.append(asked)
        if not asked.q.strip():
            raise InvalidSetting("there is no text to compare with", "say what it should mean")
        known = Similarities(
            count=40, mean=0.1, deviation=0.1, median=0.12, p95=0.31, highest=0.62,
            not_compared=0, waiting=7,
        )  # fmt: skip
        hit = FoundByMeaning(**dict(self.hit), similarity=0.62, z=5.2)
        hits = () if asked.after else (hit,)
        after = "end" if hits else None
        return MeaningPage(hits=hits, after=after, all=known, embedder="minilm")

    async def firing(self, body: FiringBody) -> FiringFound:
        await self.subject(body.subject)
        self.asked.append(body)
        if body.site not in (None, "mlp.0"):
            raise UnknownSite(f"subject 'demo' has no site {body.site!r}", "sites: mlp.0")
        unit = FiringUnit(
            unit=UnitId("demo", "mlp.0", 1), value=2.5, token="<b>", position=0, share=0.001,
            random_share=0.0039, typical_peak=2.0, ratio=1.25, verdict="explained", text="<i> tags",
        )  # fmt: skip
        return FiringFound(
            subject="demo", corpus="builtin", tokens=["<b>"], windows=1, units=[unit], ranked=8,
            sites=["mlp.0"], not_collected=["resid.0"], unusual=0.01, above=1,
            null=FiringNull(draws=256, mean=0.4, p95=2.0, p=0.25, smallest_p=1 / 257), reason=None,
        )  # fmt: skip

    async def texts(self, body: RunBody) -> TextsRun:
        self._check()
        self.asked.append(body)
        runs = [
            TextRun(tokens=text.split(), activations=[1.0] * len(text.split()), windows=1)
            for text in body.texts
        ]
        return TextsRun(unit=body.unit, texts=runs, peak=2.0)

    async def intervene(self, body: InterveneBody) -> InterventionDocument:
        self._check()
        await self.subject(body.unit.subject)
        self.asked.append(body)
        by = 1.0 if body.by is None else body.by
        alone = MeanOverTexts(value=0.1, low=None, high=None, reason="one text")
        return InterventionDocument(
            unit=body.unit,
            spec_hash="0",
            kind=body.kind,
            by=by if body.kind == "push" else None,
            edit="set to its mean",
            scale=None,
            amount=0.5,
            predicts="next_token",
            divergence=alone,
            null=None,
            null_reason="none was asked for",
            random=MovedAtRandom(directions=8, mean=0.01, largest=0.02),
            texts=[
                MovedText(
                    text="a", origin="given", tokens=1, left_out=0, divergence=0.1, null_mean=None,
                    random_mean=0.01, raised=[], lowered=[],
                )
            ],
        )  # fmt: skip

    async def explain(self, body: ExplainBody, caller: Caller, job: str | None) -> Asked:
        self._check()
        self.asked.append(body)
        self.callers.append(caller)
        if job is None and body.unit in self.documents:
            return Asked(document=self.documents[body.unit])
        return Asked(job=job_document(job or "job-0001"))

    async def sweep(self, body: SweepBody, caller: Caller, job: str | None) -> JobDocument:
        self._check()
        self.asked.append(body)
        self.callers.append(caller)
        return job_document(job or "job-0002", "queued")

    async def jobs(self, limit: int) -> list[JobDocument]:
        self._check()
        return [job_document(id) for id in self.happened][:limit]

    async def job(self, id: str) -> JobDocument:
        self._check()
        if id not in self.happened:
            raise NotStored(f"job {id!r} is not in the store", "check the id")
        states = [e.data["state"] for e in self.happened[id] if e.kind == "job"]
        return job_document(id, states[-1] if states else "queued")  # type: ignore[arg-type]

    async def events(self, job: str, after: int, limit: int) -> Sequence[JobEvent]:
        self.reads += 1
        if isinstance(self.broken, StorageError):
            raise self.broken
        return [e for e in self.happened.get(job, []) if e.number > after][:limit]

    async def pause(self, job: str, caller: Caller) -> JobDocument:
        return await self.job(job)

    async def resume(self, job: str, limits: LimitsBody, caller: Caller) -> JobDocument:
        self.asked.append(limits)
        return await self.job(job)

    async def cancel(self, job: str, caller: Caller) -> JobDocument:
        return await self.job(job)

    async def retry_failed(self, job: str, caller: Caller) -> JobDocument:
        return await self.job(job)

    async def ready(self) -> Health:
        if self.broken is not None:
            return Health(status="unavailable", parts={"store": "storage"})
        return Health(status="ok", parts={"store": "ok"})
