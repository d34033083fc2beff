"""What the chat's tools share: the workspace, who explains, the corpus, and one budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.documents import ExplainDocument
from core.errors import NotStored
from core.ids import UnitId
from neuroscribe.explaining import ExplainRequest
from neuroscribe.known_keys import known_keys
from neuroscribe.models import ModelChoice, Spending
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from llms.budget import Budget
    from subjects.index.reader import ActivationIndex


@dataclass(slots=True)
class Desk:
    """Everything that tools need. ``budget`` is shared with the language model that talks.

    ``investigate`` answers requests without a proposed sentence; None: they are answered here. With
    ``collects`` a sweep collects what it needs before its job is made.
    ``aside_usd`` and ``aside_calls`` are what the budget counts as spent and jobs were given.
    """

    workspace: Workspace
    models: ModelChoice
    corpus: CorpusChoice
    spending: Spending
    budget: Budget
    investigate: Callable[[ExplainRequest], ExplainDocument] | None = None
    collects: bool = True
    aside_usd: float = 0.0
    aside_calls: int = 0

    def put_aside(self, usd: float, calls: int) -> None:
        """Give a part of the budget to a job, which keeps account of it from now on."""
        self.budget.spent_usd += usd
        self.budget.spent_calls += calls
        self.aside_usd += usd
        self.aside_calls += calls

    def request(self, unit: UnitId, given: str | None = None) -> ExplainRequest:
        """The question that ``neuroscribe explain``, or ``score``, would ask."""
        return ExplainRequest(unit, corpus=self.corpus, models=self.models, given=given)

    def key(self, request: ExplainRequest) -> str:
        """The request's name in the store; what units of a subject share is computed once."""
        known = known_keys(self.workspace, request.unit.subject)
        return request.key_among(known.shared(request))

    def stored(self, request: ExplainRequest) -> ExplainDocument | None:
        """The answer to a request, if there is one."""
        request.check(self.workspace.settings)
        with self.workspace.store() as store:
            found = store.find_run(self.key(request))
        return None if found is None else ExplainDocument.model_validate(found.document)

    def ask(self, request: ExplainRequest) -> ExplainDocument:
        """Explain or score now, within the budget; raises as ``explain_unit`` does."""
        from neuroscribe.investigating import investigator

        request.check(self.workspace.settings)
        if self.investigate is not None and request.given is None:
            return self.investigate(request)
        with self.workspace.store() as store:

            async def answer() -> ExplainDocument:
                async with investigator(
                    self.workspace, store, request.models, self.spending, self.budget
                ) as asked:
                    return (await asked.answer(request, key=self.key(request))).document

            return asyncio.run(answer())

    def known(self, unit: UnitId) -> ExplainDocument | None:
        """What is stored of a unit: what ``explain`` would give, else what was found last.

        The last may be another question: a proposed sentence, another text or model.
        """
        if (same := self.stored(self.request(unit))) is not None:
            return same
        with self.workspace.store() as store:
            known = store.answered(unit.subject, unit.site, unit.index)
            if not known:
                return None
            return ExplainDocument.model_validate(store.run(known[0][1]).document)

    def index(self, unit: UnitId) -> ActivationIndex | None:
        """The unit's index, None where it was not collected yet; checks that the unit exists."""
        from subjects.protocol import resolve

        resolve(self.workspace.subject(unit.subject), unit)
        return self.workspace.index_if_there(unit.subject, unit.site, self.corpus)

    def holds(self, kind: str, id: str) -> bool:
        """Whether the store has what a citation names."""
        first, _, rest = id.partition("/")
        with self.workspace.store() as store:
            try:
                match kind:
                    case "explanation":
                        return id in store.known_explanations([id])
                    case "run":
                        return store.run(id).id == id
                    case "experiment":
                        return any(x.id == rest for x in store.experiments(first))
                    case "score":
                        known = {f"{s.scorer}/{s.mode}" for s in store.scores(first)}
                        return rest in known
                    case "job":
                        return store.jobs.get(id).id == id
            except NotStored:
                return False
        return False
