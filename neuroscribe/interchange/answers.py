"""Stored answers as they are read for a file, and counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from core.documents import ExplainDocument
from core.errors import NotStored
from core.ids import UnitId
from core.results import Record
from storage import Store


class Unreadable(Record):
    """A stored answer that could not be exported."""

    unit: str
    reason: str


@dataclass(slots=True)
class Answers:
    """Reads documents of runs; what they hold is counted, what cannot be read is ``skipped``."""

    store: Store
    units: int = 0
    explanations: int = 0
    scores: int = 0
    excerpts: int = 0
    skipped: list[Unreadable] = field(default_factory=list)

    def read(self, unit: UnitId, run: str) -> ExplainDocument | None:
        """The document of a unit's run; None where another version of the program wrote it."""
        try:
            document = ExplainDocument.model_validate(self.store.run(run).document)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            reason = f"its stored answer is of another version, from {where!r} on"
            self.skipped.append(Unreadable(unit=str(unit), reason=reason))
            return None
        self.count(len(document.explanations), len(document.scores), len(document.profile.excerpts))
        return document

    def count(self, explanations: int, scores: int, excerpts: int = 0) -> None:
        """One unit more, with so much about it."""
        self.units += 1
        self.explanations += explanations
        self.scores += scores
        self.excerpts += excerpts

    def unreadable(self) -> NotStored:
        """The error where nothing that is stored can be read."""
        first = self.skipped[0]
        return NotStored(f"{first.unit!r}: {first.reason}", "explain it again with --fresh")
