"""Ask about one unit: from its name to a stored document with a scored explanation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from core.documents import ExplainDocument
from core.errors import InvalidSetting, PatternSyntaxError
from core.hashing import fingerprint
from core.ids import UnitId
from core.patterns import parse
from core.results import Step
from core.settings import Settings
from core.version import code_version
from neuroscribe.models import PATTERN, ModelChoice, Spending
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from subjects.index.collect import Progress

DOCUMENT_VERSION = 3
InvestigationMode = Literal["agent", "one-shot"]
MODES: tuple[InvestigationMode, ...] = get_args(InvestigationMode)


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """Everything an answer depends on: asked again, the stored answer is given.

    ``mode`` "one-shot" explains from excerpts alone. ``arms``: what would have been said without
    experiments, at the same cost, and in other words, is scored beside the explanation.
    ``neighbours`` offers a language model that many explanations of other units of the site.
    """

    unit: UnitId
    seed: int = 0
    mode: InvestigationMode = "agent"
    corpus: CorpusChoice = field(default_factory=CorpusChoice)
    models: ModelChoice = field(default_factory=ModelChoice)
    given: str | None = None
    arms: bool = True
    neighbours: int = 0

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be before anything is loaded, collected or sent."""
        if self.mode not in MODES:
            raise InvalidSetting(f"{self.mode!r} is no mode", f"known: {', '.join(MODES)}")
        self.models.check(settings)
        if self.given is None:
            return
        if not self.given:
            raise InvalidSetting("the explanation is empty", "say what the unit reacts to")
        if self.models.simulates == PATTERN:
            try:
                parse(self.given)
            except PatternSyntaxError as error:
                raise PatternSyntaxError(
                    f"the explanation is no sentence of the pattern language: {error.message}",
                    "give --simulator a language model for prose",
                ) from error

    def key(self, workspace: Workspace) -> str:
        """The request's name in the store, computed without loading the model."""
        return self.key_among(self.shared(workspace))

    def key_among(self, shared: list[Any]) -> str:
        """:meth:`key`, from what :meth:`shared` found for any unit of the same subject."""
        versions, rest = shared[:2], shared[2:]
        asked = [str(self.unit), self.seed, [self.mode, self.arms, self.neighbours]]
        return fingerprint([*versions, *asked, *rest])

    def shared(self, workspace: Workspace) -> list[Any]:
        """What the keys of all units of a subject have in common: reads the corpus and weights."""
        corpus = self.corpus
        return [
            DOCUMENT_VERSION,
            code_version(),
            workspace.subject_identity(self.unit.subject),
            corpus.open().fingerprint,
            [corpus.window, corpus.windows_per_document, corpus.column, corpus.limit],
            [asdict(self.models), self.given, self.models.prompts()],
            self.models.scorers.identity(),
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """The document, and whether it came from the store."""

    document: ExplainDocument
    stored: bool


def explain_unit(
    workspace: Workspace,
    request: ExplainRequest,
    *,
    fresh: bool = False,
    progress: Callable[[Progress], None] | None = None,
    spending: Spending | None = None,
    told: Callable[[Step], None] | None = None,
) -> Answer:
    """Explain and score one unit, or give the stored answer unless ``fresh``.

    ``told`` hears of every step of the investigation as it ends. Raises the errors of
    :mod:`core.errors`: a wrong ID, subject, site or index number, a corpus that cannot be used, a
    damaged index, a full disk, a language model that cannot be asked, a budget that is used up.
    What was stored before is never lost: a run that ended early is kept as failed, with every
    answer it paid for, and goes on from there when asked again.
    """
    from neuroscribe.investigating import investigator

    request.check(workspace.settings)
    with workspace.store() as store:
        key = request.key(workspace)
        if not fresh and (found := store.find_run(key)) is not None:
            return Answer(ExplainDocument.model_validate(found.document), stored=True)

        async def ask() -> Answer:
            spent = spending or Spending()
            async with investigator(workspace, store, request.models, spent) as asked:
                return await asked.answer(
                    request, key=key, fresh=fresh, progress=progress, told=told
                )

        return asyncio.run(ask())
