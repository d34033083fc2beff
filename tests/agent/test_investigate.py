"""One unit from evidence to verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from made_up import Made, before, made, on, silent

from agent.explainers.pattern import PatternExplainer
from agent.investigate import investigate, polarities
from agent.setup import Investigation, Setup
from core.evidence import Evidence, SplitEvidence, UnitStatistics
from core.ids import UnitId
from core.patterns import parse
from core.results import Provenance, Simulation
from scoring.samples import MODES
from scoring.simulators import PatternSimulator

UNIT = UnitId("planted", "made", 0)


@pytest.fixture
def setup(provenance: Provenance) -> Setup:
    return Setup(PatternExplainer(), provenance)


def explained(unit: Made, setup: Setup) -> Investigation:
    return investigate(UNIT, unit.evidence(), replace(setup, laboratory=unit.laboratory()))


def test_a_unit_is_explained_with_every_figure(setup: Setup) -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " the")))

    def oracle(excerpts: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return unit.values(excerpts.token_ids).astype(np.float64)  # type: ignore[attr-defined]

    found = explained(unit, replace(setup, oracle=oracle))
    assert (found.verdict, found.reason) == (
        "explained",
        "beats the null in corpus and top_and_random",
    )
    (explanation,) = found.explanations
    assert explanation.text == 'Fires 10/10 on the token " cat" right after the token " the".'
    assert explanation.symbols == 3
    assert explanation.polarity == "positive"
    assert found.openings == ("positive: score the chosen explanation",)
    by_kind = {(s.scorer, s.mode): s for s in found.scores if s.calibration == "none"}
    modes = {mode for scorer, mode in by_kind if scorer == "simulation"}
    assert modes == {*MODES, "hard_negatives"}
    for score in found.scores:
        assert score.explanation_id == explanation.id
        assert score.split == "report"
        if score.mode == "hard_negatives" or score.scorer == "intruder":  # too little to draw from
            assert (score.value, bool(score.reason)) == (None, True)
        else:
            assert score.value == pytest.approx(1.0, abs=1e-6)
    assert by_kind["simulation", "corpus"].oracle == pytest.approx(1.0)
    assert {x.kind for x in found.experiments} == {
        "occlusion",
        "minimal_pair",
        "predicted_positive",
        "near_miss",
        "negative_control",
    }


def test_two_meanings_make_a_unit_polysemantic(setup: Setup) -> None:
    found = explained(made(lambda g: on(g, " cat") + 0.5 * on(g, " 7")), setup)
    assert found.verdict == "polysemantic"
    whole, *parts = found.explanations
    assert whole.share is None
    assert len(parse(whole.text).clauses) == 2
    assert [part.share is not None and part.share > 0.2 for part in parts] == [True, True]
    scored = {s.explanation_id for s in found.scores}
    assert scored == {e.id for e in found.explanations}
    assert len({e.id for e in found.explanations}) == 3


def test_a_reading_that_fails_on_report_is_no_meaning(setup: Setup) -> None:
    """The second word fires in explain and select only: the unit is explained, by what is left."""
    unit = made(lambda g: on(g, " cat") + 0.5 * on(g, " 7"))
    evidence = unit.evidence()
    report = evidence.open_report("to change it")
    seven = np.isin(report.pool.token_ids, [unit.vocabulary.index(" 7")])
    quiet = np.where(seven, 0, report.pool.activations)
    changed = replace(report, pool=replace(report.pool, activations=quiet))
    found = investigate(UNIT, replace(evidence, _report=changed, openings=[]), setup)
    assert found.verdict == "explained"
    assert len(found.explanations) == 1


def test_the_negative_side_gets_its_own_explanation(setup: Setup) -> None:
    rng = np.random.default_rng(0)
    unit = made(lambda g: -5.0 * on(g, " cat") + 0.05 * rng.normal(size=g.shape), signed=True)
    found = investigate(UNIT, unit.evidence(), setup)
    assert found.verdict == "explained"
    (explanation,) = found.explanations
    assert explanation.polarity == "negative"
    assert explanation.text == 'Fires 10/10 on the token " cat".'
    assert found.openings == ("negative: score the chosen explanation",)


def test_both_sides_of_a_two_sided_unit_are_explained(setup: Setup) -> None:
    unit = made(lambda g: 2.0 * on(g, " cat") - 1.5 * on(g, " sat"), signed=True)
    found = explained(unit, setup)
    assert found.verdict == "explained"
    assert {(e.polarity, e.text) for e in found.explanations} == {
        ("positive", 'Fires 10/10 on the token " cat".'),
        ("negative", 'Fires 10/10 on the token " sat".'),
    }
    assert len(found.openings) == 2


@pytest.mark.parametrize(
    ("low", "high", "non_negative", "sides"),
    [
        (0.0, 3.0, True, ["positive"]),
        (-0.9, 3.0, False, ["positive"]),
        (-1.0, 3.0, False, ["positive", "negative"]),
        (-3.0, 1.0, False, ["negative", "positive"]),
        (-3.0, 0.5, False, ["negative"]),
        (-3.0, -1.0, False, ["negative"]),
    ],
)
def test_a_side_from_a_third_of_the_other_on_is_explained(
    low: float, high: float, non_negative: bool, sides: list[str]
) -> None:
    evidence = made(lambda g: on(g, " cat") + 0.0).evidence()
    statistics = replace(evidence.statistics, minimum=low, maximum=high, non_negative=non_negative)
    assert polarities(replace(evidence, statistics=statistics)) == sides


def test_noise_is_abstained_on_with_a_reason(setup: Setup) -> None:
    rng = np.random.default_rng(0)
    found = investigate(
        UNIT, made(lambda g: np.maximum(rng.normal(size=g.shape) - 1, 0)).evidence(), setup
    )
    assert found.verdict == "abstained"
    assert found.reason.startswith("no sentence paid for its length")
    assert found.explanations == found.scores == ()


@dataclass(frozen=True)
class Sealed(Evidence):
    """Evidence whose report split cannot be opened."""

    def open_report(self, reason: str) -> SplitEvidence:
        raise AssertionError("the report split was opened")


def sealed(evidence: Evidence) -> Sealed:
    return Sealed(
        evidence.unit, evidence.statistics, evidence.explain, evidence.select, evidence._report
    )


def test_report_is_not_opened_before_a_sentence_is_chosen(setup: Setup) -> None:
    rng = np.random.default_rng(0)
    noise = made(lambda g: np.maximum(rng.normal(size=g.shape) - 1, 0)).evidence()
    assert investigate(UNIT, sealed(noise), setup).verdict == "abstained"
    real = made(lambda g: on(g, " cat") + 0.0).evidence()
    with pytest.raises(AssertionError, match="was opened"):
        investigate(UNIT, sealed(real), setup)


def test_nothing_in_report_changes_the_explanation(setup: Setup) -> None:
    """Other activations in report: other scores, another verdict, the same sentence."""
    unit = made(lambda g: on(g, " cat") & before(on(g, " the")))
    evidence = unit.evidence()
    report = evidence.open_report("to change it")
    rng = np.random.default_rng(0)
    changed = rng.random(report.pool.activations.shape).astype(np.float32)
    other = replace(report, pool=replace(report.pool, activations=changed))
    first = explained(unit, setup)
    second = investigate(
        UNIT,
        replace(unit.evidence(), _report=other),
        replace(setup, laboratory=unit.laboratory()),
    )
    assert second.explanations == first.explanations
    assert second.experiments == first.experiments
    assert (first.verdict, second.verdict) == ("explained", "abstained")


def test_a_report_without_an_active_window_is_low_evidence(setup: Setup) -> None:
    evidence = made(lambda g: on(g, " cat") + 0.0).evidence()
    quiet = silent(evidence.open_report("to change it"))
    found = investigate(UNIT, replace(evidence, _report=quiet, openings=[]), setup)
    assert (found.verdict, found.scores) == ("low_evidence", ())
    assert found.reason == "no positive window in the report split"
    assert len(found.explanations) == 1


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({"documents_active": 4}, "low_evidence"),
        ({"variance": 0.0, "maximum": 0.0}, "dead"),
        ({"variance": 0.0, "minimum": 1.0, "maximum": 1.0}, "dead"),
    ],
)
def test_what_cannot_be_explained_costs_nothing(
    setup: Setup, figures: dict[str, float], verdict: str
) -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    statistics: UnitStatistics = replace(unit.evidence().statistics, **figures)  # type: ignore[arg-type]
    evidence = sealed(replace(unit.evidence(), statistics=statistics))
    found = investigate(UNIT, evidence, replace(setup, laboratory=unit.laboratory()))
    assert found.verdict == verdict
    assert unit.asked == 0
    assert found.openings == found.experiments == found.explanations == ()


def test_the_same_seed_gives_the_same_investigation(setup: Setup) -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " not"), 4))
    assert explained(unit, setup) == explained(unit, setup)


def test_another_simulator_is_asked_through_the_same_interface(setup: Setup) -> None:
    class Forgetful(PatternSimulator):
        """Reads every second token only."""

        name = "forgetful"

        def simulate(self, explanation: str, excerpts: object) -> Simulation:
            whole = super().simulate(explanation, excerpts)  # type: ignore[arg-type]
            known = whole.known.copy()
            known[:, ::2] = False
            return Simulation(whole.predicted, known, "partial", "half was read")

    unit = made(lambda g: on(g, " cat") + 0.0)
    found = explained(unit, replace(setup, simulator=Forgetful()))
    scored = [s for s in found.scores if s.n_excerpts and s.scorer != "intruder"]
    assert scored
    for score in scored:
        assert (score.simulator, score.status, score.reason) == (
            "forgetful",
            "partial",
            "half was read",
        )
        assert score.n_tokens == score.n_excerpts * 12
