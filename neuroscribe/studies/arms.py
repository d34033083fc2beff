"""Is it worth testing explanations on the model? The agent against what costs the same or less.

Every arm explains the same units from the same excerpts, is chosen on ``select`` and scored on
``report``:

* ``one_shot``: written from excerpts, no experiments;
* ``agent``: the whole loop;
* ``resampling``: as many texts as the agent ran, drawn whatever their text, no experiments;
* ``revision``: one round; the first explanation and what the experiments brought;
* ``reexplanation``: the same experiments, but the first explanation is withheld;
* ``revision_random``: the first explanation and as many random texts (Bills et al. 2023 found
  reexplanation < one-shot < revision ≈ revision with random text).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from core.errors import InvalidSetting
from core.hashing import fingerprint, text_hash
from core.ids import UnitId
from core.results import Finite, Mode, Record
from core.version import code_version
from neuroscribe.laboratory import laboratory
from neuroscribe.models import ModelChoice, Spending
from neuroscribe.studies.asking import Asking, asking
from scoring import bootstrap
from scoring.case import case_of
from scoring.comparison import Pair, compare_methods
from scoring.samples import MODES
from scoring.score import scores
from scoring.scorers import SimulationCorrelation

if TYPE_CHECKING:
    from agent.explainers.proposal import Candidate
    from agent.investigate import Side, Work
    from core.evidence import Evidence, SplitEvidence
    from neuroscribe.workspace import CorpusChoice, Workspace
    from subjects.index.collect import Progress
    from subjects.index.reader import ActivationIndex

ArmName = Literal["one_shot", "agent", "resampling", "revision", "reexplanation", "revision_random"]
ARMS: tuple[ArmName, ...] = get_args(ArmName)
FORMAT = 1
SUBJECT = "planted"
UNEXPLAINABLE = ("dead", "noise", "noisedense")


class Reached(Record):
    """ρ of one arm on one unit by mode, with the null's 95th percentile and the equal list's ρ.

    Without an explanation there is no ρ, and ``reason`` says why.
    """

    text: str | None
    rho: dict[Mode, Finite | None]
    null_p95: dict[Mode, Finite | None]
    token_list_equal: dict[Mode, Finite | None]
    reason: str | None = None


class UnitRow(Record):
    """What all arms reached on one unit; ``runs`` are the texts that the agent ran."""

    unit: str
    group: str
    runs: int
    rounds: int
    seconds: Finite
    arms: dict[ArmName, Reached]


class Figure(Record):
    """One arm over a group of units in one mode.

    ``gain`` is the mean paired difference to ``one_shot`` with a 95 % interval over units, and
    ``p`` the exact sign test's. Units without ρ in either are left out and counted.
    """

    group: str
    arm: ArmName
    mode: Mode
    units: int
    left_out: int
    mean: Finite | None
    low: Finite | None
    high: Finite | None
    null_p95: Finite | None
    token_list_equal: Finite | None
    gain: Finite | None
    gain_low: Finite | None
    gain_high: Finite | None
    p: Finite | None
    better: int
    same: int
    worse: int


class Arms(Record):
    """The whole study."""

    subject: str
    explainer: str
    simulator: str
    seed: int
    units: int
    mean_runs: Finite
    mean_seconds: Finite
    figures: list[Figure]
    rows: list[UnitRow]


@dataclass(frozen=True, slots=True)
class Question:
    """Which live units of ``subject``: ``per_group`` of each of ``sites``, or ``units`` of all.

    Without either number it is every one.
    """

    subject: str
    sites: tuple[str, ...]
    units: int | None = None
    per_group: int | None = None
    seed: int = 0


def question_of(
    workspace: Workspace, subject: str, units: int, families: Sequence[str] | None, seed: int
) -> Question:
    """``units`` of each planted family, or as many of all MLP neurons of another subject.

    Raises :class:`core.errors.InvalidSetting` for a family that there is not, or a subject without
    MLP neurons.
    """
    known = list(workspace.subject(subject).sites())
    if subject != SUBJECT:
        sites = tuple(site for site in known if site.startswith("mlp."))
        if families is not None or not sites:
            raise InvalidSetting(
                f"subject {subject!r} has no planted families"
                if families
                else f"subject {subject!r} has no MLP neurons",
                f"leave --families out, or use {SUBJECT}",
            )
        return Question(subject, sites, units=units, seed=seed)
    if unknown := [name for name in families or [] if name not in known]:
        raise InvalidSetting(f"no planted family {unknown[0]!r}", "known: " + ", ".join(known))
    chosen = families or [name for name in known if name not in UNEXPLAINABLE]
    return Question(subject, tuple(chosen), per_group=units, seed=seed)


def run_arms(
    workspace: Workspace,
    choice: CorpusChoice,
    question: Question,
    *,
    models: ModelChoice | None = None,
    spending: Spending | None = None,
    progress: Callable[[Progress], None] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Arms:
    """The whole study; a run that was killed goes on with the units that are missing."""
    asked = models or ModelChoice()
    index = workspace.index_of(question.subject, list(question.sites), choice, progress)
    units = units_of(index, question)
    kept = _Kept(workspace.home, [question, asked, choice, index.manifest.key, code_version()])
    rows = kept.read()
    with asking(workspace, asked, spending or Spending(), f"arms/{kept.name}") as who:
        for number, unit in enumerate(units, 1):
            if str(unit) not in rows:
                rows[str(unit)] = row = measure(index, unit, who, question.seed)
                kept.add(row)
            if told is not None:
                told(number, len(units))
        explainer = "none" if who.explainer is None else who.explainer.name
        simulator = who.simulator.name
    found = [rows[str(unit)] for unit in units]
    groups = list(dict.fromkeys(row.group for row in found))
    return Arms(
        subject=question.subject,
        explainer=explainer,
        simulator=simulator,
        seed=question.seed,
        units=len(found),
        mean_runs=sum(row.runs for row in found) / max(1, len(found)),
        mean_seconds=round(sum(row.seconds for row in found) / max(1, len(found)), 2),
        figures=list(_figures(found, ["all", *groups], question.seed)),
        rows=found,
    )


def units_of(index: ActivationIndex, question: Question) -> list[UnitId]:
    """The units, drawn by a hash of the seed and their names."""

    def name(unit: UnitId) -> int:
        return text_hash("arms/1", str(question.seed), str(unit))

    named = {
        site: sorted(
            (UnitId(question.subject, site, int(i)) for i in index.live_units(site)), key=name
        )
        for site in question.sites
    }
    if question.per_group is not None:
        return [unit for units in named.values() for unit in units[: question.per_group]]
    return sorted((unit for units in named.values() for unit in units), key=name)[: question.units]


def measure(index: ActivationIndex, unit: UnitId, who: Asking, seed: int) -> UnitRow:
    """All arms on one unit, on its stronger side."""
    from agent.investigate import Side, polarities, side_of

    began = time.monotonic()
    evidence = index.evidence(unit)
    setup = who.setup(laboratory(index, unit), seed, arms=("resampling",))
    side = Side.of(unit, evidence, polarities(evidence)[0], setup)
    work = who.runner.run(side_of(side))
    said: dict[ArmName, Candidate | None] = {
        "one_shot": work.first,
        "agent": work.best,
        "resampling": work.resampled or work.first,
        **who.runner.run(_one_round(side, work)),
    }
    return UnitRow(
        unit=str(unit),
        group=unit.site,
        runs=work.runs,
        rounds=work.round,
        seconds=round(time.monotonic() - began, 3),
        arms=_reached(evidence, side, said, who, work.reason),
    )


async def _one_round(side: Side, work: Work) -> dict[ArmName, Candidate | None]:
    """The arms of a single round: they share the agent's first experiments."""
    from agent.investigate import ranked

    first = work.first
    if first is None or not work.experiments:
        return {"revision": first, "reexplanation": first, "revision_random": first}
    done = [e for e in work.experiments if e.round == 1]
    runs = len({trial.tokens for e in done for trial in e.trials})
    assert side.laboratory is not None
    random = side.laboratory.random_text(side.explain, runs, "arms/random/1")
    revised = await side.session.revise([first], done)
    anew = await side.session.revise([], done)
    drawn = revised if random is None else await side.session.revise([first], [random])
    found: dict[ArmName, Candidate | None] = {}
    for name, proposed, beside in (
        ("revision", revised, [first]),
        ("reexplanation", anew, []),
        ("revision_random", drawn, [first]),
    ):
        order = await ranked(side, [*proposed.candidates, *beside])
        found[name] = order[0] if order else first  # type: ignore[index]
    return found


def _reached(
    evidence: Evidence,
    side: Side,
    said: dict[ArmName, Candidate | None],
    who: Asking,
    reason: str,
) -> dict[ArmName, Reached]:
    """Every arm scored on one opening of ``report``."""
    from agent.investigate import view

    report = who.thinned(view(evidence.open_report("arms study"), side.polarity))
    select = who.thinned(side.select)
    texts = [c.text for c in said.values() if c is not None]
    simulator = who.ready(texts, [select.pool, report.pool])
    known: dict[str, Reached] = {}
    found: dict[ArmName, Reached] = {}
    for name, candidate in said.items():
        if candidate is None or not len(report.top_rows):
            none = dict.fromkeys(MODES)
            why = reason or "no explanation" if candidate is None else "report is silent"
            found[name] = Reached(
                text=None, rho=none, null_p95=none, token_list_equal=none, reason=why
            )
            continue
        if candidate.text not in known:
            known[candidate.text] = _scored(candidate, side, select, report, simulator)
        found[name] = known[candidate.text]
    return found


def _scored(
    candidate: Candidate,
    side: Side,
    select: SplitEvidence,
    report: SplitEvidence,
    simulator: object,
) -> Reached:
    case = case_of(
        explanation_id="arm",
        text=candidate.text,
        symbols=candidate.symbols,
        simulator=simulator,  # type: ignore[arg-type]
        explain=side.explain,
        select=select,
        report=report,
    )
    by_mode = {s.mode: s for s in scores(case, [SimulationCorrelation()], MODES)}
    return Reached(
        text=candidate.text,
        rho={m: s.value for m, s in by_mode.items()},
        null_p95={m: s.null_p95 for m, s in by_mode.items()},
        token_list_equal={m: s.token_list_equal for m, s in by_mode.items()},
        reason="; ".join(dict.fromkeys(s.reason for s in by_mode.values() if s.reason)) or None,
    )


def _figures(rows: Sequence[UnitRow], groups: Sequence[str], seed: int) -> Iterator[Figure]:
    for group in groups:
        mine = [row for row in rows if group in ("all", row.group)]
        for mode in MODES:
            for arm in ARMS:
                yield _figure(mine, group, arm, mode, seed)


def _figure(rows: Sequence[UnitRow], group: str, arm: ArmName, mode: Mode, seed: int) -> Figure:
    import numpy as np

    reached = [row.arms[arm] for row in rows]
    values = np.array([v for r in reached if (v := r.rho[mode]) is not None])
    mean = bootstrap.mean(values, seed, nothing="no unit has a score")
    pairs = [Pair(row.arms[arm].rho[mode], row.arms["one_shot"].rho[mode]) for row in rows]
    compared = compare_methods(pairs, seed=seed)
    base = arm == "one_shot"
    return Figure(
        group=group,
        arm=arm,
        mode=mode,
        units=len(values),
        left_out=len(rows) - len(values),
        mean=mean.value,
        low=mean.low,
        high=mean.high,
        null_p95=_mean([r.null_p95[mode] for r in reached]),
        token_list_equal=_mean([r.token_list_equal[mode] for r in reached]),
        gain=None if base else compared.gain.value,
        gain_low=None if base else compared.gain.low,
        gain_high=None if base else compared.gain.high,
        p=None if base else compared.p,
        better=compared.better,
        same=compared.ties,
        worse=compared.worse,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


class _Kept:
    """Rows that are done, a line each, so that a killed study goes on."""

    def __init__(self, home: Path, question: list[object]) -> None:
        self.name = fingerprint([FORMAT, *map(str, question)])
        self.path = home / "studies" / f"arms-{self.name}.jsonl"

    def read(self) -> dict[str, UnitRow]:
        """Rows by unit; a last line that was cut off is measured again."""
        if not self.path.exists():
            return {}
        rows = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(UnitRow.model_validate(json.loads(line)))
            except ValueError:
                continue
        return {row.unit: row for row in rows}

    def add(self, row: UnitRow) -> None:
        """Keep one more row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
