"""The validity suite: on units whose truth is known, which scores can tell it from what is wrong?

For every planted unit its true explanation and wrong ones of each kind (:mod:`wrong`) are scored
alike on ``report``. A scorer sees a kind of fault if it rates true explanations above those, over
units of all families: AUROC with an interval over units.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.evidence import ExcerptSet, SplitEvidence
from core.hashing import text_hash
from core.ids import UnitId
from core.patterns import SCALE, Pattern, TokenGrid, evaluate, parse, render
from core.results import (
    Calibration,
    Finite,
    Measure,
    Mode,
    Polarity,
    Record,
    Score,
    Scorer,
    Simulation,
)
from neuroscribe.laboratory import laboratory
from neuroscribe.models import PATTERN, ModelChoice, Spending
from neuroscribe.studies.asking import NONE, Asking, asking
from neuroscribe.studies.wrong import Kind, wrong_explanations
from scoring.case import case_of
from scoring.intervals import Design
from scoring.measured import estimate
from scoring.ranking import Items, auroc
from scoring.score import scores
from scoring.scorers import offline_scorers
from scoring.simulators import Simulator

if TYPE_CHECKING:
    from neuroscribe.workspace import CorpusChoice, Workspace
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex

TRUE = "true"
SUBJECT = "planted"


class Figure(Record):
    """How well one scorer tells true explanations from one kind of wrong ones.

    ``auroc`` over ``units`` units with both scores; ``undefined`` units lack one of them.
    """

    kind: Kind
    scorer: Scorer
    measure: Measure
    calibration: Calibration
    mode: Mode
    family: str | None
    auroc: Finite | None
    low: Finite | None
    high: Finite | None
    mean_true: Finite | None
    mean_wrong: Finite | None
    units: int
    undefined: int
    reason: str | None = None


class Validity(Record):
    """The whole study: ``overall`` figures over all families, ``by_family`` one family each."""

    simulator: str
    explainer: str | None = None
    seeds: list[int]
    per_family: int
    families: list[str]
    units: int
    overall: list[Figure]
    by_family: list[Figure]
    best: dict[str, float]
    f1_true: Finite | None
    seconds: Finite


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one unit's explanations by kind (``true`` among them)."""

    unit: UnitId
    seed: int
    by_kind: dict[str, list[Score]]
    f1: float | None


@dataclass(frozen=True, slots=True)
class Inverted:
    """Another simulator's predictions turned round."""

    inner: Simulator

    @property
    def name(self) -> str:
        """The other's name."""
        return self.inner.name

    def simulate(self, explanation: str, excerpts: ExcerptSet) -> Simulation:
        """``10 - p`` wherever something was predicted."""
        said = self.inner.simulate(explanation, excerpts)
        return replace(said, predicted=np.where(said.known, SCALE - said.predicted, 0.0))


def expressible_families(workspace: Workspace) -> list[str]:
    """The planted families that the pattern language can say, in their order."""
    subject = cast(Any, workspace.subject(SUBJECT))
    found = []
    for name, info in subject.sites().items():
        if info.width and subject.truth(UnitId(SUBJECT, name, 0)).expressible:
            found.append(name)
    return found


def run_validity(
    workspace: Workspace,
    choice: CorpusChoice,
    *,
    families: Sequence[str] | None = None,
    per_family: int = 20,
    seeds: Sequence[int] = (0,),
    models: ModelChoice | None = None,
    spending: Spending | None = None,
    progress: Callable[[Progress], None] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Validity:
    """The whole study; ``told`` hears how many units of how many are done.

    ``models`` names who simulates (None: the pattern language) and who explains beside the truth
    ("none": nobody). Language models see ``models.scored`` windows of each kind.

    Raises :class:`core.errors.InvalidSetting` for a family that cannot be expressed.
    """
    began = time.monotonic()
    known = expressible_families(workspace)
    chosen = list(families or known)
    if unknown := [name for name in chosen if name not in known]:
        raise InvalidSetting(
            f"no planted family {unknown[0]!r} can be put in words", "known: " + ", ".join(known)
        )
    index = workspace.index_of(SUBJECT, known, choice, progress)
    expected = len(seeds) * sum(min(per_family, index.manifest.sites[f].width) for f in chosen)
    found: list[Scored] = []
    asked = models or ModelChoice(NONE, PATTERN)
    with asking(workspace, asked, spending or Spending(), f"validity/{asked}") as who:
        for seed in seeds:
            for one in score_units(index, chosen, per_family, seed, who):
                found.append(one)
                if told is not None:
                    told(len(found), expected)
    overall = summarise(found, [None])
    best: dict[str, float] = {}
    for figure in overall:
        if figure.auroc is not None and figure.kind != "found":
            best[figure.kind] = max(best.get(figure.kind, 0.0), figure.auroc)
    f1 = [one.f1 for one in found if one.f1 is not None]
    return Validity(
        simulator=who.simulator.name,
        explainer=None if who.explainer is None else who.explainer.name,
        seeds=list(seeds),
        per_family=per_family,
        families=chosen,
        units=len(found),
        overall=overall,
        by_family=summarise(found, chosen),
        best=best,
        f1_true=float(np.mean(f1)) if f1 else None,
        seconds=round(time.monotonic() - began, 1),
    )


def score_units(
    index: ActivationIndex, families: Sequence[str], per_family: int, seed: int, who: Asking
) -> Iterator[Scored]:
    """Score ``per_family`` units of each family, drawn by a hash of ``seed`` and their names."""
    subject = cast(Any, index.subject)
    for family in families:
        width = index.manifest.sites[family].width
        order = sorted(range(width), key=lambda i: _draw(seed, family, i))
        truths = {i: parse(subject.truth(UnitId(SUBJECT, family, i)).pattern) for i in order}
        for place, i in enumerate(order[:per_family]):
            others = [truths[j] for j in (*order[place + 1 :], *order[:place])]
            yield _scored(index, UnitId(SUBJECT, family, i), seed, truths[i], others, who)


def _draw(seed: int, family: str, index: int) -> int:
    return text_hash("validity/1", str(seed), family, str(index))


def _scored(
    index: ActivationIndex,
    unit: UnitId,
    seed: int,
    true: Pattern,
    others: Sequence[Pattern],
    who: Asking,
) -> Scored:
    evidence = index.evidence(unit)
    sign = -1.0 if cast(Any, index.subject).truth(unit).polarity == "negative" else 1.0
    explain, select, report = (
        (split.flipped() if sign < 0 else split).rectified()
        for split in (evidence.explain, evidence.select, evidence.open_report("validity study"))
    )
    said = None
    if who.explainer is not None:
        side: Polarity = "negative" if sign < 0 else "positive"
        said = who.explained(unit, explain, select, laboratory(index, unit), seed, side)
    select, report = who.thinned(select), who.thinned(report)
    report = replace(report, others=report.others[..., :0])
    sayings = _sayings(true, others, select, offline=who.offline)
    if said is not None:
        sayings.append(Saying("found", *said))
    simulator = who.ready([s.text for s in sayings], [select.pool, report.pool])
    by_kind: dict[str, list[Score]] = {}
    f1 = None
    for saying in sayings:
        case = case_of(
            explanation_id=saying.kind,
            text=saying.text,
            symbols=saying.symbols,
            simulator=Inverted(simulator) if saying.inverted else simulator,
            explain=explain,
            select=select,
            report=report,
        )
        by_kind[saying.kind] = scores(case, offline_scorers())
        if saying.kind == TRUE:
            rows = report.random_rows
            f1 = _f1(
                case.predicted.predicted[rows] > 0,
                report.pool.activations[rows] >= case.firing.on,
            )
    return Scored(unit, seed, by_kind, f1)


@dataclass(frozen=True, slots=True)
class Saying:
    """One sentence to be scored; ``inverted`` where its prediction is to be turned round."""

    kind: str
    text: str
    symbols: int
    inverted: bool = False


def _sayings(
    true: Pattern, others: Sequence[Pattern], select: SplitEvidence, *, offline: bool
) -> list[Saying]:
    """The truth and what is wrong, as a simulator reads it: models are told a negation in words."""
    grid = TokenGrid.from_tokens(list(select.pool.tokens))
    fires = evaluate(true, grid) > 0

    def kept(narrower: Pattern) -> float:
        return float((evaluate(narrower, grid) > 0).sum() / max(int(fires.sum()), 1))

    found = [Saying(TRUE, render(true), true.symbols)]
    for wrong in wrong_explanations(true, others, kept):
        text = render(wrong.pattern) if offline else wrong.text
        found.append(Saying(wrong.kind, text, wrong.pattern.symbols, offline and wrong.inverted))
    return found


def _f1(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float | None:
    """F1 of the tokens on which something is predicted; None where neither says anything."""
    both, either = int((said & true).sum()), int(said.sum() + true.sum())
    return 2 * both / either if either else None


def summarise(found: Sequence[Scored], families: Sequence[str | None]) -> list[Figure]:
    """A figure for every kind and score, for each of ``families`` (None: all together)."""
    figures: list[Figure] = []
    for family in families:
        chosen = [s for s in found if family is None or s.unit.site == family]
        pairs: dict[tuple[Any, ...], list[tuple[float | None, float | None]]] = defaultdict(list)
        for one in chosen:
            true = {_key(score): score.value for score in one.by_kind[TRUE]}
            for kind, wrong in one.by_kind.items():
                if kind != TRUE:
                    for score in wrong:
                        key = _key(score)
                        pairs[(kind, *key)].append((true[key], score.value))
        figures += [_figure(key, family, values) for key, values in pairs.items()]
    return figures


def _key(score: Score) -> tuple[str, str, str, str]:
    return score.scorer, score.measure, score.calibration, score.mode


def _figure(
    key: tuple[Any, ...], family: str | None, values: Sequence[tuple[float | None, float | None]]
) -> Figure:
    kind, scorer, measure, calibration, mode = key
    defined = [(a, b) for a, b in values if a is not None and b is not None]
    true = np.array([a for a, _ in defined], dtype=float)
    wrong = np.array([b for _, b in defined], dtype=float)
    ones = np.ones(len(defined))
    result = estimate(auroc(Items(true, wrong, ones, ones)), "share", Design.equal(len(defined)))
    return Figure(
        kind=kind,
        scorer=scorer,
        measure=measure,
        calibration=calibration,
        mode=mode,
        family=family,
        auroc=result.value,
        low=result.low,
        high=result.high,
        mean_true=float(true.mean()) if len(true) else None,
        mean_wrong=float(wrong.mean()) if len(wrong) else None,
        units=len(defined),
        undefined=len(values) - len(defined),
        reason="no unit has both scores" if not defined else result.reason,
    )
