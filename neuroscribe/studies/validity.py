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
from core.evidence import ExcerptSet
from core.hashing import text_hash
from core.ids import UnitId
from core.patterns import SCALE, Pattern, TokenGrid, evaluate, parse, render
from core.results import Calibration, Finite, Measure, Mode, Record, Score, Scorer, Simulation
from neuroscribe.studies.wrong import Kind, wrong_explanations
from scoring.case import case_of
from scoring.intervals import Design
from scoring.measured import estimate
from scoring.ranking import Items, auroc
from scoring.score import scores
from scoring.scorers import TokenScorer, offline_scorers
from scoring.simulators import PatternSimulator, Simulator

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
    progress: Callable[[Progress], None] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Validity:
    """The whole study; ``told`` hears how many units of how many are done.

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
    for seed in seeds:
        for one in score_units(index, chosen, per_family, seed):
            found.append(one)
            if told is not None:
                told(len(found), expected)
    overall = summarise(found, [None])
    best: dict[str, float] = {}
    for figure in overall:
        if figure.auroc is not None:
            best[figure.kind] = max(best.get(figure.kind, 0.0), figure.auroc)
    f1 = [one.f1 for one in found if one.f1 is not None]
    return Validity(
        simulator=PatternSimulator.name,
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
    index: ActivationIndex,
    families: Sequence[str],
    per_family: int,
    seed: int,
    *,
    simulator: Simulator | None = None,
    scorers: Sequence[TokenScorer] | None = None,
) -> Iterator[Scored]:
    """Score ``per_family`` units of each family, drawn by a hash of ``seed`` and their names."""
    subject = cast(Any, index.subject)
    used = simulator or PatternSimulator()
    for family in families:
        width = index.manifest.sites[family].width
        order = sorted(range(width), key=lambda i: _draw(seed, family, i))
        truths = {i: parse(subject.truth(UnitId(SUBJECT, family, i)).pattern) for i in order}
        for place, i in enumerate(order[:per_family]):
            unit = UnitId(SUBJECT, family, i)
            others = [truths[j] for j in (*order[place + 1 :], *order[:place])]
            yield _scored(index, unit, seed, truths[i], others, used, scorers or offline_scorers())


def _draw(seed: int, family: str, index: int) -> int:
    return text_hash("validity/1", str(seed), family, str(index))


def _scored(
    index: ActivationIndex,
    unit: UnitId,
    seed: int,
    true: Pattern,
    others: Sequence[Pattern],
    simulator: Simulator,
    scorers: Sequence[TokenScorer],
) -> Scored:
    evidence = index.evidence(unit)
    negative = cast(Any, index.subject).truth(unit).polarity == "negative"
    explain, select, report = (
        (split.flipped() if negative else split).rectified()
        for split in (evidence.explain, evidence.select, evidence.open_report("validity study"))
    )
    report = replace(report, others=report.others[..., :0])
    by_kind: dict[str, list[Score]] = {}
    f1 = None
    grid = TokenGrid.from_tokens(list(select.pool.tokens))
    fires = evaluate(true, grid) > 0

    def kept(narrower: Pattern) -> float:
        return float((evaluate(narrower, grid) > 0).sum() / max(int(fires.sum()), 1))

    made = wrong_explanations(true, others, kept)
    sayings = [(TRUE, render(true), true, False)]
    sayings += [(w.kind, w.text, w.pattern, w.inverted) for w in made]
    for kind, text, pattern, inverted in sayings:
        offline = isinstance(simulator, PatternSimulator)
        case = case_of(
            explanation_id=kind,
            text=render(pattern) if offline else text,
            symbols=pattern.symbols,
            simulator=Inverted(simulator) if inverted and offline else simulator,
            explain=explain,
            select=select,
            report=report,
        )
        by_kind[kind] = scores(case, scorers)
        if kind == TRUE:
            rows = report.random_rows
            f1 = _f1(
                case.predicted.predicted[rows] > 0,
                report.pool.activations[rows] >= case.firing.on,
            )
    return Scored(unit, seed, by_kind, f1)


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
