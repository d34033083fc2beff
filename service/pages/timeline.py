"""How an investigation went: its steps by round, each experiment with the step that ran it."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.documents import ExperimentShown, ExplainDocument
from core.results import Step
from service.pages import figures


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the texts that were run, how many did as predicted, in per cent of all."""

    held: float
    failed: float
    words: str

    @classmethod
    def of(cls, step: Step) -> Outcome | None:
        """None for a step that ran no texts."""
        counts = [step.figures.get(name) for name in ("texts", "held", "failed")]
        numbers = [count for count in counts if isinstance(count, int)]
        if len(numbers) < 3 or not numbers[0]:
            return None
        texts, held, failed = numbers
        rest = texts - held - failed
        words = f"{held} predictions held, {failed} failed, {rest} texts decide nothing"
        return cls(100 * held / texts, 100 * failed / texts, words)


@dataclass(frozen=True, slots=True)
class Moment:
    """One step with its figures, the experiments that it ran, and how they came out."""

    step: Step
    figures: list[tuple[str, str]]
    outcome: Outcome | None
    experiments: list[ExperimentShown] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Phase:
    """The beginning, a round or the end, of one side of the unit."""

    title: str
    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class Timeline:
    """``rest`` are experiments that no step names, as in documents without steps."""

    phases: list[Phase]
    rest: list[ExperimentShown]


def timeline(document: ExplainDocument) -> Timeline:
    """The steps of a document in their order, put together by side and round."""
    waiting = {
        side: [e for e in document.experiments if e.id.startswith(side[0])]
        for side in ("positive", "negative")
    }
    phases: list[Phase] = []
    shown: set[str] = set()
    planned = 0
    for step in document.steps:
        title = _title(step)
        if not phases or phases[-1].title != title:
            phases.append(Phase(title, []))
        own: list[ExperimentShown] = []
        if step.name == "design":
            planned = _count(step, "experiments")
        elif step.name == "experiment":
            left = waiting.get(step.polarity, [])
            own, left[:planned] = left[:planned], []
            shown |= {experiment.id for experiment in own}
        told = figures.outcome_text(step.figures)
        phases[-1].moments.append(Moment(step, told, Outcome.of(step), own))
    return Timeline(phases, [e for e in document.experiments if e.id not in shown])


def _title(step: Step) -> str:
    if step.name == "publish":
        return "End"
    place = f"Round {step.round}" if step.round else "Start"
    return f"{place}, below zero" if step.polarity == "negative" else place


def _count(step: Step, name: str) -> int:
    found = step.figures.get(name)
    return found if isinstance(found, int) else 0
