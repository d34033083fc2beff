"""From a finding to its explanations: does what explains its units name what they were found by?

Units are explained one by one as if nobody had asked for them: an investigation is given the unit's
name and nothing of the finding. Only when all explanations are there is the feature compared with
them, by words and, where a language model explains, by a question to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from core.documents import ExplainDocument
from core.findings import Finding, FoundUnit
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Record, Step
from neuroscribe.explaining import ExplainRequest
from neuroscribe.models import PATTERN, Spending
from neuroscribe.studies.content_words import ENOUGH, overlap
from neuroscribe.studies.features import Feature, Others, others_than, shuffled
from neuroscribe.studies.naming_records import (
    By,
    ByJudge,
    ByWords,
    ExplainedUnit,
    FindingExplained,
    Naming,
    UnitNaming,
)
from neuroscribe.sweeps.work import main_score
from scoring.shares import wilson

if TYPE_CHECKING:
    from llms.protocol import ChatResponse, Model
    from neuroscribe.investigating import Investigator
    from neuroscribe.workspace import Workspace
    from subjects.index.collect import Progress

PROMPT = "name-feature"
MAX_TOKENS = 256
VALID = ("explained", "polysemantic")


class ChoiceSaid(Record):
    """The answer to ``name-feature``."""

    choice: int


def explain_finding(
    workspace: Workspace,
    finding: Finding,
    request: Callable[[UnitId], ExplainRequest],
    *,
    top: int,
    fresh: bool = False,
    progress: Callable[[Progress], None] | None = None,
    spending: Spending | None = None,
    told: Callable[[Step], None] | None = None,
) -> FindingExplained:
    """Explain the ``top`` heaviest units of a finding and see whether that names its feature.

    ``request`` makes of a unit what is asked about it: all must ask for the same models. Stored
    answers are used unless ``fresh``; one budget holds for all units and for the judge. Raises what
    :func:`neuroscribe.explaining.explain_unit` does; units that were done are stored.
    """
    feature = Feature.of(finding)
    found = finding.units[:top]
    asked = [request(one.unit) for one in found]
    for one in asked:
        one.check(workspace.settings)
    seed = asked[0].seed if asked else 0
    with workspace.store() as store:
        others = others_than(feature, finding, store, seed)
        documents: list[ExplainDocument] = []
        picks: list[ByJudge | None] = []

        async def ask() -> None:
            from neuroscribe.investigating import investigator

            models = asked[0].models
            spent = spending or Spending()
            async with investigator(workspace, store, models, spent) as by:
                shared = await asyncio.to_thread(asked[0].shared, workspace)
                for one in asked:
                    key = one.key_among(shared)
                    answer = await by.answer(
                        one, key=key, fresh=fresh, progress=progress, told=told
                    )
                    documents.append(answer.document)
                picks.extend(await _picks(by, documents, feature, others, seed, fresh))

        if asked:
            asyncio.run(ask())
    units = tuple(
        _unit(one, document, UnitNaming(words=by_words(document, feature, others), judge=pick))
        for one, document, pick in zip(found, documents, picks, strict=True)
    )
    words = _named_by_words(units)
    judged = any(pick is not None for pick in picks)
    return FindingExplained(
        finding=finding.id,
        question=finding.question,
        feature=feature.shown,
        units=units,
        named=_named_by_judge(units, 1 + len(others.features)) if judged else words,
        by_words=words,
        others=tuple(other.shown for other in others.features),
        stated=others.stated,
    )


def by_words(document: ExplainDocument, feature: Feature, others: Others) -> ByWords:
    """Whether an explanation has the feature's words, and how often it has those of others."""
    said = valid_text(document)
    if said is None:
        return ByWords(named=False, reason=_unexplained(document))
    found = overlap(said, feature.texts)
    if found is None:
        return ByWords(named=False, reason="what the feature is called says nothing in words")
    share, words = found
    also = [o for o in (overlap(said, other.texts) for other in others.features) if o is not None]
    chance = sum(o[0] >= ENOUGH for o in also) / len(also) if also else None
    return ByWords(named=share >= ENOUGH, share=share, words=tuple(sorted(words)), chance=chance)


def valid_text(document: ExplainDocument) -> str | None:
    """What was said of a unit, None unless it beat the null."""
    if document.verdict not in VALID or not document.explanations:
        return None
    return document.explanations[0].text


async def _picks(
    by: Investigator,
    documents: Sequence[ExplainDocument],
    feature: Feature,
    others: Others,
    seed: int,
    fresh: bool,
) -> list[ByJudge | None]:
    """The judge's answer for every unit; None for all where no language model explains."""
    from llms.gather import all_of

    name = by.models.choice.explainer
    if name == PATTERN:
        return [None] * len(documents)
    run = fingerprint(["naming/1", name, seed, feature.shown, [o.shown for o in others.features]])
    judge = by.models.model(name, run=run, reuse=not fresh)
    return list(await all_of(_picked(judge, d, feature, others, seed) for d in documents))


async def _picked(
    judge: Model, document: ExplainDocument, feature: Feature, others: Others, seed: int
) -> ByJudge:
    """Which of the features, in an order drawn for this unit, an explanation is about."""
    from agent.explainers.llm.asking import ask
    from core.errors import ContextTooLong
    from llms.protocol import Message
    from prompts import fenced, load, numbered, shown

    said = valid_text(document)
    if said is None:
        return ByJudge(named=False, reason=_unexplained(document))
    listed = shuffled(feature, others, f"{seed}/{document.unit}")
    prompt = load(PROMPT)
    turns = prompt.render(
        {
            "explanation": shown(said),
            "features": fenced(numbered([one.shown for one in listed])),
            "count": str(len(listed)),
        }
    )
    try:
        draw = await ask(
            judge,
            prompt,
            [Message(role=t.role, text=t.text) for t in turns],  # type: ignore[arg-type]
            ChoiceSaid,
            partial(_understood, count=len(listed)),
            name="choice",
            seed=seed,
            role="rater",
            max_tokens=MAX_TOKENS,
            temperature=0.0,
        )
    except ContextTooLong as error:
        return ByJudge(named=False, reason=error.message)
    if draw.said is None:
        return ByJudge(named=False, reason=draw.reason)
    chosen = listed[draw.said.choice - 1]
    return ByJudge(named=chosen is feature, choice=chosen.shown)


def _understood(answer: ChatResponse, count: int) -> ChoiceSaid | str:
    from agent.explainers.llm.answers import read

    said = read(answer, ChoiceSaid)
    if isinstance(said, str) or 1 <= said.choice <= count:
        return said
    return f"choice: {said.choice} is not a number from 1 to {count}"


def _unit(one: FoundUnit, document: ExplainDocument, named: UnitNaming) -> ExplainedUnit:
    score = main_score(document)
    return ExplainedUnit(
        unit=one.unit,
        weight=one.weight,
        verdict=document.verdict,
        reason=document.reason,
        explanation=document.explanations[0].text if document.explanations else None,
        score=score.value if score else None,
        low=score.low if score else None,
        high=score.high if score else None,
        null=score.null_p95 if score else None,
        named=named,
    )


def _unexplained(document: ExplainDocument) -> str:
    return f"not explained: {document.verdict}"


def _named_by_judge(units: Sequence[ExplainedUnit], options: int) -> Naming:
    right = sum(u.named.judge is not None and u.named.judge.named for u in units)
    return _share("judge", right, len(units), 1 / options)


def _named_by_words(units: Sequence[ExplainedUnit]) -> Naming:
    """Its chance: the mean share of other features that an explanation names, 0 without one."""
    chance = [u.named.words.chance or 0.0 for u in units]
    right = sum(u.named.words.named for u in units)
    return _share("words", right, len(units), sum(chance) / len(chance) if chance else None)


def _share(by: By, right: int, n: int, chance: float | None) -> Naming:
    share = wilson(right, n)
    if share is None:
        return Naming(by=by, value=None, n=0, reason="the finding holds no unit")
    return Naming(by=by, value=share.value, low=share.low, high=share.high, n=n, chance=chance)
