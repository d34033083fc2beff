"""What is known of the units of a site without their documents: newest answers, and what failed."""

from __future__ import annotations

from core.ids import UnitId, UnitIdField
from core.results import Explanation, Record, Score, Verdict
from storage.records import RunStatus, UtcTime


class Answer(Record):
    """The newest finished investigation of a unit, explanations and scores as it wrote them."""

    unit: UnitIdField
    run: str
    spec_hash: str
    verdict: Verdict
    reason: str | None
    finished: UtcTime
    explanations: tuple[Explanation, ...]
    scores: tuple[Score, ...]


class Unanswered(Record):
    """A unit of which no investigation finished, with the newest that did not."""

    unit: UnitIdField
    run: str
    status: RunStatus
    reason: str | None


class SiteAnswers(Record):
    """Everything investigated on a site, each unit once, by index."""

    answers: tuple[Answer, ...]
    unanswered: tuple[Unanswered, ...]

    def nearest(self, unit: UnitId, count: int) -> tuple[tuple[str, str], ...]:
        """At most ``count`` (unit, explanation) of the explained units nearest by number."""
        told = [
            (abs(a.unit.index - unit.index), str(a.unit), a.explanations[0].text)
            for a in self.answers
            if a.unit != unit and a.explanations and a.verdict in ("explained", "polysemantic")
        ]
        return tuple((name, text) for _, name, text in sorted(told)[:count])
