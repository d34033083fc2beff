"""The loop of an investigation: what is tested, what is dropped, when it stops, what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from made_up import Made, before, made, on

from agent.experiments import Experiment, Laboratory, Trial
from agent.explainers.pattern import PatternExplainer
from agent.explainers.pattern.judge import REFUTED_PRICE
from agent.explainers.proposal import Candidate, Proposed
from agent.investigate import KEPT, Side, Work, investigate, side_of
from agent.setup import Investigation, Setup
from core.evidence import SplitEvidence
from core.ids import UnitId
from core.patterns import TokenGrid, parse
from core.results import ARMS, Provenance, Simulation
from scoring.samples import MODES

UNIT = UnitId("planted", "made", 0)
CAT = 'Fires 10/10 on the token " cat".'
AFTER = 'Fires 10/10 on the token " cat" right after the token " the".'
DOG = 'Fires 10/10 on the token " dog".'


@pytest.fixture
def setup(provenance: Provenance) -> Setup:
    return Setup(PatternExplainer(), provenance, arms=ARMS)


def after_the(grid: TokenGrid) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return on(grid, " cat") & before(on(grid, " the"))


def proxy(ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    """Puts " never" before most " not": who reads one of them seems to read the other."""
    not_, never = 7, 8
    for row in ids:
        for i in np.flatnonzero(row[1:] == not_):
            row[i] = never


def investigated(unit: Made, setup: Setup) -> tuple[Investigation, Laboratory]:
    laboratory = unit.laboratory()
    return investigate(UNIT, unit.evidence(), replace(setup, laboratory=laboratory)), laboratory


def sided(unit: Made, setup: Setup) -> Work:
    side = Side.of(UNIT, unit.evidence(), "positive", setup)
    return asyncio.run(side_of(side))


# experiments


def test_every_experiment_has_an_id_and_the_explanation_cites_it(setup: Setup) -> None:
    unit = made(lambda g: 2.0 * on(g, " cat") - 1.5 * on(g, " sat"), signed=True)
    found, _ = investigated(unit, setup)
    ids = [e.id for e in found.experiments]
    assert len(set(ids)) == len(ids) > 2
    for explanation in found.explanations:
        own = [i for i in ids if i[0] == explanation.polarity[0]]
        assert explanation.provenance.experiments == own != []
        parameters = explanation.provenance.parameters
        assert parameters["rounds"] == 1
        assert int(str(parameters["texts_run"])) > 0
    assert [i for i in ids if i[0] == "p"] == [f"p{n}" for n in range(1, len(ids) // 2 + 1)]


def test_every_trial_says_what_was_predicted_and_what_came_out(setup: Setup) -> None:
    found, _ = investigated(made(after_the), setup)
    by_kind = {e.kind: e for e in found.experiments}
    for trial in by_kind["predicted_positive"].trials:
        assert (trial.predicted, trial.measured, trial.held) == (10.0, 1.0, True)
    for kind in ("near_miss", "negative_control"):
        for trial in by_kind[kind].trials:
            assert (trial.predicted, trial.measured, trial.held) == (0.0, 0.0, True)
    pairs = by_kind["minimal_pair"]
    assert pairs.about == 'right after the token " the"'
    assert [t.before for t in pairs.trials] == [1.0] * len(pairs.trials)
    assert pairs.outcome["mean_drop"] == 1.0


def test_a_context_that_is_refuted_is_dropped(setup: Setup) -> None:
    """Both words stand before " all" as a pair; edited text shows which of them is read."""

    def rule(grid: TokenGrid) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return on(grid, " all") & before(on(grid, " not"), 3)

    unit = made(rule, edit=proxy)
    session = PatternExplainer().begin(
        unit.evidence().explain, unit.evidence().select, unit.laboratory(), 0
    )
    wrong = 'Fires 10/10 on the token " all" within 4 tokens after the token " never".'
    right = wrong.replace(" never", " not").replace("4", "3")
    refuting = Experiment(
        kind="minimal_pair",
        description="",
        about='within 4 tokens after the token " never"',
        outcome={"mean_drop": 0.0},
    )
    both = [Candidate(text=t, symbols=3) for t in (wrong, right)]
    found = asyncio.run(session.revise(both, [refuting])).candidates
    assert found[0].text == right
    (named,) = [c.handicap for c in found if c.text == wrong]
    needed = refuting.model_copy(update={"outcome": {"mean_drop": 0.9}})
    kept = asyncio.run(session.revise(both, [refuting, needed])).candidates
    (free,) = [c.handicap for c in kept if c.text == wrong]
    assert named == pytest.approx(free + REFUTED_PRICE), "one clause that needs it is enough"


def test_real_text_is_drawn_from_windows_that_the_unit_did_not_come_with(setup: Setup) -> None:
    unit = made(after_the)
    found, _ = investigated(unit, setup)
    own = {tuple(row) for row in unit.evidence().explain.pool.token_ids.tolist()}
    others = [set(map(tuple, unit.text.ids[unit.text.split == split].tolist())) for split in (1, 2)]
    real = ("predicted_positive", "near_miss", "negative_control")
    drawn = [t.tokens for e in found.experiments if e.kind in real for t in e.trials]
    assert len(set(drawn)) == len(drawn) > 50
    assert not own & set(drawn)
    assert not (others[0] | others[1]) & set(drawn)


def test_the_second_round_asks_nothing_that_the_first_one_asked() -> None:
    unit = made(after_the)
    evidence = unit.evidence()
    session = PatternExplainer().begin(evidence.explain, evidence.select, unit.laboratory(), 0)
    ranked = [Candidate(text=AFTER, symbols=3), Candidate(text=CAT, symbols=1)]
    first = asyncio.run(session.design(ranked, (), 150))
    second = asyncio.run(session.design(ranked, first, 150))
    kinds = [e.kind for e in second]
    assert "occlusion" not in kinds
    assert "minimal_pair" not in kinds
    assert set(kinds) & {"predicted_positive", "near_miss", "negative_control"}
    before = {t.tokens for e in first for t in e.trials}
    assert not before & {t.tokens for e in second for t in e.trials}
    assert asyncio.run(session.design(ranked, [*first, *second], 0)) == []


# what it costs


@pytest.mark.parametrize(("rounds", "runs"), [(1, 10), (1, 100), (2, 100), (3, 9), (2, 1)])
def test_rounds_and_runs_are_kept_to(setup: Setup, rounds: int, runs: int) -> None:
    unit = made(lambda g: after_the(g) + 0.4 * on(g, " 7") + 0.2 * on(g, ")"))
    laboratory = unit.laboratory()
    limited = replace(setup, rounds=rounds, runs=runs, laboratory=laboratory, arms=())
    work = sided(unit, limited)
    assert work.round <= rounds
    texts = {t.tokens for e in work.experiments for t in e.trials}
    assert len(texts) == laboratory.runs == unit.asked <= runs
    assert work.runs == len(texts)


def test_one_shot_asks_the_subject_nothing(setup: Setup) -> None:
    unit = made(after_the)
    found = investigate(UNIT, unit.evidence(), setup)
    assert unit.asked == 0
    assert found.experiments == ()
    assert found.verdict == "explained"
    assert [e.text for e in found.explanations] == [AFTER]
    assert [e.provenance.experiments for e in found.explanations] == [[]]
    assert [arm.name for arm in found.arms] == ["paraphrase"]
    assert {step.name for step in found.steps} == {"propose", "choose", "publish"}


def test_no_rounds_is_one_shot_though_there_is_a_laboratory(setup: Setup) -> None:
    unit = made(after_the)
    work = sided(unit, replace(setup, rounds=0, laboratory=unit.laboratory()))
    assert (unit.asked, work.round) == (0, 0)
    assert work.stopped == "no experiments were asked for"


# the stop rules, with an explainer that does as it is told


@dataclass
class Scripted:
    """Proposes ``drafts[0]``, then one more draft a round; plans one text a round or nothing."""

    drafts: Sequence[str]
    experiments: bool = True
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"

    def begin(
        self,
        explain: SplitEvidence,
        select: SplitEvidence,
        laboratory: Laboratory | None,
        seed: int,
    ) -> Scripted:
        return self

    def drafted(self, place: int) -> Proposed:
        text = self.drafts[min(place, len(self.drafts) - 1)]
        return Proposed((Candidate(text=text, symbols=parse(text).symbols),))

    async def propose(self) -> Proposed:
        self.asked.append("propose")
        return self.drafted(0)

    async def design(
        self, ranked: Sequence[Candidate], done: Sequence[Experiment], runs: int
    ) -> Sequence[Experiment]:
        self.asked.append("design")
        trial = Trial(tokens=(1, len(done)), predicted=10.0)
        return [Experiment(kind="test", description="", trials=(trial,))] * self.experiments

    async def revise(self, ranked: Sequence[Candidate], done: Sequence[Experiment]) -> Proposed:
        self.asked.append("revise")
        return self.drafted(len(done))

    async def resample(self, runs: int, rounds: int) -> Proposed:
        self.asked.append(f"resample {runs} {rounds}")
        return Proposed()

    async def divide(self, best: Candidate, done: Sequence[Experiment]) -> Proposed:
        self.asked.append("divide")
        return Proposed()

    async def paraphrase(self, best: Candidate) -> Candidate | None:
        return None


@pytest.mark.parametrize(
    ("drafts", "rounds", "experiments", "stopped", "asked"),
    [
        # what was proposed is as good as it gets, and a round confirms it
        ([AFTER], 5, True, "what is left to explain is not worth a round", 1),
        # a worse draft is not chosen: nothing has changed
        ([CAT, DOG], 5, True, "the last round changed nothing", 1),
        ([CAT, CAT], 5, True, "the last round changed nothing", 1),
        # every round finds something better
        ([DOG, CAT, AFTER], 1, True, "1 round were made", 1),
        ([DOG, CAT, AFTER], 2, True, "2 rounds were made", 2),
        ([DOG, CAT, AFTER], 5, True, "what is left to explain is not worth a round", 2),
        ([CAT], 5, False, "no experiment is left to make", 1),
    ],
)
def test_a_rule_stops_the_rounds(
    setup: Setup, drafts: list[str], rounds: int, experiments: bool, stopped: str, asked: int
) -> None:
    unit = made(after_the)
    explainer = Scripted(drafts, experiments)
    work = sided(
        unit, replace(setup, explainer=explainer, rounds=rounds, laboratory=unit.laboratory())
    )
    assert (work.stopped or "").replace("was", "were") == stopped
    assert work.round == explainer.asked.count("design") == asked
    assert explainer.asked.count("revise") == (asked if experiments else 0)
    assert explainer.asked.count("divide") == 1


def test_only_the_best_hypotheses_are_kept_and_the_last_best_among_them(setup: Setup) -> None:
    unit = made(after_the)
    texts = [f'Fires 10/10 on the token "{t}".' for t in (" cat", " dog", ",", ".", " on", " 7")]

    class Many(Scripted):
        def drafted(self, place: int) -> Proposed:
            chosen = texts if place == 0 else [AFTER]
            return Proposed(tuple(Candidate(text=t, symbols=1) for t in chosen))

    work = sided(
        unit, replace(setup, explainer=Many(texts), rounds=1, laboratory=unit.laboratory())
    )
    assert len(work.hypotheses) == KEPT
    assert [c.text for c in work.hypotheses[:2]] == [AFTER, CAT]
    fits = [c.fit or 0.0 for c in work.hypotheses]
    assert fits == sorted(fits, reverse=True)
    assert work.first is not None
    assert work.first.text == CAT


def test_of_equals_the_one_that_was_known_stays(setup: Setup) -> None:
    """The same clauses in another order are no change, and no reason for a further round."""
    first = 'Fires 10/10 on the token " cat"; plus 5/10 on the token " dog".'
    turned = 'Fires 5/10 on the token " dog"; plus 10/10 on the token " cat".'
    unit = made(after_the)
    explainer = Scripted([first, turned])
    work = sided(unit, replace(setup, explainer=explainer, rounds=5, laboratory=unit.laboratory()))
    assert work.stopped == "the last round changed nothing"
    assert work.best is not None
    assert work.best.text == first


def test_steps_are_told_as_they_end(setup: Setup) -> None:
    from agent.investigate import investigate_async

    unit = made(after_the)
    told: list[str] = []
    ready = replace(setup, laboratory=unit.laboratory())
    found = asyncio.run(
        investigate_async(UNIT, unit.evidence(), ready, lambda step: told.append(step.said))
    )
    assert told == [step.said for step in found.steps]
    names = [step.name for step in found.steps]
    assert names == [
        *("propose", "choose", "design", "experiment", "revise", "choose"),
        *("resample", "publish"),
    ]
    assert told[-1] == f"explained: {found.reason}"


# the arms


def test_arms_are_scored_on_the_one_opening_of_report(setup: Setup) -> None:
    found, laboratory = investigated(made(after_the), setup)
    assert found.openings == ("positive: score the chosen explanation",)
    assert [arm.name for arm in found.arms] == list(ARMS)
    (explanation,) = found.explanations
    for arm in found.arms:
        assert {score.split for score in arm.scores} == {"report"}
        assert [gain.mode for gain in arm.gains] == list(MODES)
        assert {score.explanation_id for score in arm.scores} == {f"arm:{arm.name}"}
    assert all(score.explanation_id == explanation.id for score in found.scores)
    tested = {t.tokens for e in found.experiments for t in e.trials}
    assert laboratory.runs <= 2 * len(tested), "the resampling arm ran as many texts"


def test_gains_are_zero_over_the_same_text(setup: Setup) -> None:
    found, _ = investigated(made(after_the), setup)
    arm = found.arms[0]
    assert (arm.name, arm.text, arm.same) == ("one_shot", AFTER, True)
    for gain in arm.gains:
        assert (gain.value, gain.p) == (0.0, 1.0)


def test_gains_are_paired_with_the_arm_they_are_over(setup: Setup) -> None:
    """The one-shot arm says less, so the gain is what its own score lacks."""
    unit = made(after_the)
    explainer = Scripted([CAT, AFTER])
    found, _ = investigated(unit, replace(setup, explainer=explainer))
    (arm, resampled) = found.arms
    assert (arm.name, arm.text, arm.same) == ("one_shot", CAT, False)
    assert resampled.text == CAT, "no more text was asked for"
    assert any(asked.startswith("resample") for asked in explainer.asked)
    published = {s.mode: s.value for s in found.scores if s.scorer == "simulation"}
    for gain, score in zip(arm.gains, arm.scores, strict=True):
        assert gain.mode == score.mode
        assert score.value is not None
        assert gain.value == pytest.approx((published[gain.mode] or 0.0) - score.value)
        assert gain.value > 0.1
    corpus = next(g for g in arm.gains if g.mode == "corpus")
    assert corpus.low is not None
    assert corpus.high is not None
    assert corpus.low <= (corpus.value or 0.0) <= corpus.high


def test_the_paraphrase_of_a_pattern_scores_the_same(setup: Setup) -> None:
    found, _ = investigated(made(lambda g: on(g, " cat") + 0.5 * on(g, " 7")), setup)
    paraphrase = next(arm for arm in found.arms if arm.name == "paraphrase")
    whole = found.explanations[0]
    assert paraphrase.text != whole.text
    assert set(parse(paraphrase.text).clauses) == set(parse(whole.text).clauses)
    own = {s.mode: s.value for s in found.scores if s.explanation_id == whole.id
           and s.scorer == "simulation"}  # fmt: skip
    for score in paraphrase.scores:
        assert score.value == pytest.approx(own[score.mode], abs=1e-12)
    assert [gain.value for gain in paraphrase.gains] == pytest.approx([0.0] * len(MODES))


def test_arms_are_made_only_if_they_are_asked_for(setup: Setup) -> None:
    found, laboratory = investigated(made(after_the), replace(setup, arms=()))
    assert found.arms == ()
    assert "resample" not in [step.name for step in found.steps]
    assert laboratory.runs == len({t.tokens for e in found.experiments for t in e.trials})


def test_a_simulator_that_costs_is_asked_about_each_text_once(setup: Setup) -> None:
    """Wherever the loop compares the same sentence again, its figure is known."""
    from scoring.simulators import PatternSimulator

    asked: list[tuple[str, int]] = []

    class Dear:
        name = "dear"

        async def simulate(self, explanation: str, excerpts: object) -> Simulation:
            asked.append((explanation, id(excerpts)))
            return PatternSimulator().simulate(explanation, excerpts)  # type: ignore[arg-type]

    unit = made(after_the)
    explainer = Scripted([CAT, AFTER, CAT, AFTER])
    ready = replace(setup, explainer=explainer, simulator=Dear(), laboratory=unit.laboratory())
    found = investigate(UNIT, unit.evidence(), ready)
    assert found.explanations[0].text == AFTER
    assert asked
