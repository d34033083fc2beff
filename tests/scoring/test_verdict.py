"""Every branch of the rule; tests/agent/test_noise.py runs it on a thousand units of noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import Corpus, evidence, score

from core.evidence import Evidence, UnitStatistics
from core.ids import UnitId
from core.results import Score
from scoring.verdict import FLOOR, stands_alone, verdict, verdict_before_scoring

LIVE = UnitStatistics(1000, 0.1, 1.0, None, None, 0.0, 5.0, 0.01, 8, True)


def both(**figures: object) -> list[Score]:
    return [score(mode=mode, **figures) for mode in ("corpus", "top_and_random", "random_only")]


def unit(statistics: UnitStatistics) -> Evidence:
    rng = np.random.default_rng(0)
    _, split = evidence(Corpus.draw(rng, 400, 0.02).actual, rng)
    return Evidence(UnitId("demo", "mlp.0", 1), statistics, split, split, split)


def test_a_live_unit_is_worth_explaining() -> None:
    assert verdict_before_scoring(unit(LIVE)) is None


def test_a_unit_that_never_fires_is_dead() -> None:
    silent = replace(LIVE, variance=0.0, maximum=0.0, documents_active=0)
    assert verdict_before_scoring(unit(silent)) == ("dead", "zero on all 1000 tokens of the corpus")


@pytest.mark.parametrize("non_negative", [True, False])
def test_a_constant_unit_is_dead(non_negative: bool) -> None:
    constant = replace(
        LIVE, variance=0.0, minimum=2.5, maximum=2.5, documents_active=9, non_negative=non_negative
    )
    assert verdict_before_scoring(unit(constant)) == ("dead", "constant (2.5) on all 1000 tokens")


@pytest.mark.parametrize(("count", "said"), [(1, "1 document;"), (4, "4 documents;")])
def test_four_documents_are_too_few(count: int, said: str) -> None:
    found = verdict_before_scoring(unit(replace(LIVE, documents_active=count)))
    assert found is not None
    assert found[0] == "low_evidence"
    assert said in found[1]


@pytest.mark.parametrize("split", ["explain", "select"])
def test_a_split_without_an_active_window_is_too_little(split: str) -> None:
    full = unit(LIVE)
    empty = replace(full.explain, split=split, top_rows=full.explain.top_rows[:0])
    found = verdict_before_scoring(replace(full, **{split: empty}))
    assert found == ("low_evidence", f"no active window in the {split} split")


def test_report_is_not_looked_at_before_scoring() -> None:
    evidence = unit(LIVE)
    verdict_before_scoring(evidence)
    assert evidence.openings == []


def test_beating_the_null_in_both_modes_explains() -> None:
    found = verdict(both(null_p95=0.3), 0)
    assert found == ("explained", "beats the null in corpus and top_and_random")


def test_two_readings_make_it_polysemantic() -> None:
    assert verdict(both(), 1)[0] == "explained"
    assert verdict(both(), 2) == (
        "polysemantic",
        "2 separate readings, and together they beat the null",
    )


@pytest.mark.parametrize("mode", ["corpus", "top_and_random"])
@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"low": 0.0}, "reaches zero"),
        ({"low": -0.1}, "reaches zero"),
        ({"low": None, "high": None, "reason": "no interval: few"}, "no interval: few"),
        ({"null_p95": 0.5}, "does not beat the null's 0.500"),
        ({"value": FLOOR, "low": 0.01}, "does not beat the null's 0.050"),
        (
            {"value": None, "low": None, "high": None, "status": "undefined", "reason": "constant"},
            "no score (constant)",
        ),
    ],
)
def test_failing_in_one_mode_is_enough_to_abstain(
    mode: str, figures: dict[str, object], said: str
) -> None:
    scores = [score(mode=s.mode, **figures) if s.mode == mode else s for s in both()]
    decided, reason = verdict(scores, 3)
    assert decided == "abstained"
    assert reason.startswith(f"{mode}: ")
    assert said in reason


def test_what_was_not_scored_is_not_explained() -> None:
    assert verdict([], 0) == ("abstained", "corpus: no score (not scored)")
    others = both(scorer="explained_variance")
    assert verdict(others, 0)[0] == "abstained"


def test_a_negative_null_does_not_lower_the_floor() -> None:
    assert verdict(both(value=0.04, low=0.02, null_p95=-0.5), 0)[0] == "abstained"


def test_a_reading_stands_alone_on_its_corpus_interval() -> None:
    assert stands_alone(both())
    assert not stands_alone(both(low=0.0))
    assert not stands_alone(both(low=None, high=None))
    assert not stands_alone([score(mode="top_and_random")])
