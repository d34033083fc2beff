"""Propose, check, keep what both agree on, until there is enough or the requests are used up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from agent.concepts import checking, proposing
from agent.concepts.checking import Checked, checked
from agent.concepts.examples import (
    LEAST,
    Asked,
    ConceptExamples,
    ConceptProvenance,
    ConceptQuestion,
    Counts,
    Example,
    Label,
)
from agent.concepts.proposing import TextsSaid, placed, proposed
from agent.concepts.unrelated import passages
from agent.explainers.llm.asking import Draw
from core.errors import AnswerUnusable
from core.version import code_version
from llms.gather import all_of
from llms.protocol import Model
from prompts import load
from subjects.corpora.document import Document

LABELS: tuple[Label, ...] = ("positive", "near-miss", "other")


@dataclass(slots=True)
class Tally:
    """What was kept so far, and what became of everything else."""

    kept: list[Example] = field(default_factory=list)
    disputed: list[Example] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    counts: Counter[tuple[Label, str]] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    proposals: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def agreed(self, label: Label) -> int:
        """Checked texts of a label."""
        return self.counts[label, "agreed"]

    def usable(self, draws: Sequence[Draw[TextsSaid]]) -> list[Example]:
        """The texts of some proposals that can be checked and were not seen before."""
        self.answers(self.proposals, draws)
        listed = [pair for d in draws if d.said is not None for pair in d.said.labelled()]
        found = []
        for said, label in listed:
            example = placed(said, label)
            if isinstance(example, str):
                self.counts[label, "unusable"] += 1
                self.unusable[example] += 1
            elif self.new(example):
                found.append(example)
        return found

    def new(self, example: Example) -> bool:
        """Whether no text before was the same but for case and spaces; it is remembered."""
        name = " ".join(example.text.casefold().split())
        if name in self.seen:
            self.counts[example.label, "duplicates"] += 1
            return False
        self.seen.add(name)
        return True

    def judged(self, found: Iterable[Checked]) -> None:
        """Keep what both calls agree on."""
        for one in found:
            became = {True: "agreed", False: "disputed", None: "unchecked"}[one.agrees]
            self.counts[one.example.label, became] += 1
            if one.agrees is not None:
                (self.kept if one.agrees else self.disputed).append(one.example)

    def answers(self, to: Counter[str], draws: Iterable[Draw]) -> None:  # type: ignore[type-arg]
        """Count questions, and those that brought nothing."""
        for draw in draws:
            to["questions"] += 1
            if draw.said is None:
                to["refused" if draw.verdict == "refused" else "failed"] += 1
                self.reasons[draw.reason] += 1


async def gather(
    model: Model,
    question: ConceptQuestion,
    documents: Callable[[], Iterable[Document]] | None = None,
    corpus: str | None = None,
) -> ConceptExamples:
    """Texts with the concept, near-misses and, from ``documents``, unrelated passages.

    All three are checked blind. ``corpus`` is the fingerprint of ``documents``. Raises
    :class:`core.errors.AnswerUnusable` when fewer than ``LEAST`` positives or near-misses were
    agreed on, :class:`core.errors.BudgetReached`, and what else ends a run. Asked again with the
    same record, nothing that was answered is paid again.
    """
    tally = Tally()
    asked = 0
    while asked < question.requests and (missing := _missing(tally, question)):
        more = min(-(-missing // question.per_request), question.requests - asked)
        numbers = range(asked, asked + more)
        draws = await all_of(proposed(model, question, number) for number in numbers)
        await _check(model, question, tally, tally.usable(draws))
        asked += more
    _enough(tally, question.concept)
    if documents is not None:
        like = [example for example in tally.kept if example.label == "positive"]
        found = await asyncio.to_thread(lambda: passages(documents(), like, question.seed))
        await _check(model, question, tally, [example for example in found if tally.new(example)])
    return _record(tally, question, model, corpus)


def _missing(tally: Tally, question: ConceptQuestion) -> int:
    return max(question.wanted - min(tally.agreed("positive"), tally.agreed("near-miss")), 0)


async def _check(
    model: Model, question: ConceptQuestion, tally: Tally, examples: list[Example]
) -> None:
    found, draws = await checked(model, question.concept, examples, question.seed)
    tally.answers(tally.checks, draws)
    tally.judged(found)


def _enough(tally: Tally, concept: str) -> None:
    """Raise unless there are enough of both classes to tell them apart."""
    positives, near = tally.agreed("positive"), tally.agreed("near-miss")
    if min(positives, near) >= LEAST:
        return
    counts = _counts(tally)
    lost = ("positives", counts["positive"]), ("near-misses", counts["near-miss"])
    said = [
        f"{times} {name} {became}"
        for name, count in lost
        for became in ("disputed", "unchecked", "duplicates", "unusable")
        if (times := getattr(count, became))
    ]
    said += [f"{times} answers: {reason}" for reason, times in tally.reasons.most_common(3)]
    raise AnswerUnusable(
        f"{positives} positives and {near} near-misses of {concept!r} were agreed on "
        f"in {tally.proposals['questions']} requests, {LEAST} of each are needed"
        + (f": {', '.join(said)}" if said else ""),
        "say the concept more exactly, ask another model, or give labelled texts in a file",
    )


def _counts(tally: Tally) -> dict[Label, Counts]:
    found = {}
    for label in LABELS:
        parts = {
            became: tally.counts[label, became]
            for became in Counts.model_fields
            if became != "proposed"
        }
        found[label] = Counts(proposed=sum(parts.values()), **parts)
    return found


def _record(
    tally: Tally, question: ConceptQuestion, model: Model, corpus: str | None
) -> ConceptExamples:
    """At most as many of each label as are wanted; those found first."""
    kept = [
        example
        for label in LABELS
        for example in [e for e in tally.kept if e.label == label][: question.wanted]
    ]
    return ConceptExamples(
        concept=question.concept,
        examples=tuple(kept),
        disputed=tuple(tally.disputed),
        counts=_counts(tally),
        unusable=dict(tally.unusable),
        proposals=Asked(**tally.proposals),
        checks=Asked(**tally.checks),
        reasons=dict(tally.reasons),
        provenance=ConceptProvenance(
            model=model.name,
            prompts=tuple(load(name).label for name in (proposing.PROMPT, checking.PROMPT)),
            seed=question.seed,
            code_version=code_version(),
            corpus=corpus,
        ),
    )
