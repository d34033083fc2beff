"""What a sweep asks of every unit: kept with its job, so that any process can go on with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from core.errors import JobState
from core.ids import UnitId
from core.settings import Settings
from neuroscribe.explaining import ExplainRequest, InvestigationMode
from neuroscribe.models import ModelChoice
from neuroscribe.workspace import CorpusChoice

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from storage import StoredJob
    from storage.records import JsonObject

KIND = "explain-layer"
FORMAT = 1
"""Raised when parameters of older jobs would be read as something else."""


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """The units of a site and what is asked of each: an ``ExplainRequest`` without its unit.

    ``units`` are numbers as they were given (``0-99,120``), ``sample`` is how many live ones are
    drawn; without either, all live units are meant.
    """

    subject: str
    site: str
    units: str | None = None
    sample: int | None = None
    seed: int = 0
    mode: InvestigationMode = "agent"
    corpus: CorpusChoice = field(default_factory=CorpusChoice)
    models: ModelChoice = field(default_factory=ModelChoice)
    arms: bool = False
    neighbours: int = 0

    @property
    def site_name(self) -> str:
        """Subject and site."""
        return f"{self.subject}/{self.site}"

    def of(self, unit: UnitId) -> ExplainRequest:
        """The request for one unit."""
        return ExplainRequest(
            unit,
            seed=self.seed,
            mode=self.mode,
            corpus=self.corpus,
            models=self.models,
            arms=self.arms,
            neighbours=self.neighbours,
        )

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be before anything is loaded, collected or sent."""
        self.of(UnitId(self.subject, self.site, 0)).check(settings)

    def keys(self, workspace: Workspace) -> Keys:
        """Under which keys answers are stored: reads the corpus and weights, whole."""
        return Keys(self, self.of(UnitId(self.subject, self.site, 0)).shared(workspace))

    def lasting(self) -> SweepRequest:
        """The same from any folder: a corpus that is a file here is named by its whole path."""
        path = Path(self.corpus.source).expanduser()
        if self.corpus.source == "builtin" or not path.exists():
            return self
        return replace(self, corpus=replace(self.corpus, source=str(path.absolute())))

    def parameters(self) -> JsonObject:
        """Everything as JSON, for the job; see :func:`request_of`."""
        held = _adapter().dump_python(self, mode="json")
        return {"format": FORMAT, **held}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a request's units, from what they have in common."""

    request: SweepRequest
    shared: list[Any]

    def of(self, units: Iterable[UnitId]) -> dict[UnitId, str]:
        """The key of each unit, in this order."""
        return {unit: self.request.of(unit).key_among(self.shared) for unit in units}


def request_of(job: StoredJob) -> SweepRequest:
    """The request of a job; :class:`JobState` when another version of the program wrote it."""
    held = dict(job.parameters)
    told = held.pop("format", None)
    held.pop("dead", None)  # how many units were left out, for the summary
    try:
        if job.kind != KIND or told != FORMAT:
            raise ValueError(f"kind {job.kind!r}, format {told!r}")
        request = _adapter().validate_python(held)
        if _adapter().dump_python(request, mode="json") != held:
            raise ValueError("parameters that this version does not know")
    except (ValidationError, ValueError) as error:
        raise JobState(
            f"job {job.id!r} was made by another version of this program, or is no sweep",
            "make a new job: units that were answered are not asked again",
        ) from error
    return request


@cache
def _adapter() -> TypeAdapter[SweepRequest]:
    return TypeAdapter(SweepRequest)
