"""A unit's own measure, and whether predictions came true by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up import made, on

from agent.experiments import Experiment, Laboratory, Trial
from agent.judging import MINIMAL_PAIR, OCCLUSION, drop, judge, run
from agent.scale import Scale

FOUR = Scale(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.1, 0.2, 0.3, 0.4]))
"""A unit that was 0, 1, 2, 3 and 4 once each: 10 in all, of which 1 lies below 2, 3 below 3."""


@pytest.mark.parametrize(
    ("value", "quantile"),
    [
        *[(-1.0, 0.0), (0.0, 0.0), (9.0, 1.0)],
        # between two values: all that lies below
        *[(0.5, 0.0), (1.5, 0.1), (2.5, 0.3), (3.5, 0.6)],
        # at a value: half of its own as well
        *[(1.0, 0.05), (2.0, 0.2), (3.0, 0.45), (4.0, 0.8)],
    ],
)
def test_a_quantile_is_the_share_of_the_whole_activation_below(
    value: float, quantile: float
) -> None:
    assert FOUR.quantile(value) == pytest.approx(quantile)


@pytest.mark.parametrize(
    ("predicted", "value", "held"),
    [
        (10.0, 3.0, True),  # at .45 of its mass the unit fires
        (5.0, 3.0, True),
        (10.0, 0.5, False),  # its weakest stirring is silence
        (0.0, 0.5, True),
        (0.9, 3.0, False),
        (10.0, 2.0, None),  # .2 is neither
        (0.0, 2.0, None),
        (3.0, 4.0, None),  # a middling prediction promises nothing
        (None, 4.0, None),
    ],
)
def test_predictions_are_held_to_firing_and_to_silence(
    predicted: float | None, value: float, held: bool | None
) -> None:
    assert FOUR.held(predicted, value) is held


def test_a_scale_counts_windows_by_their_share_of_the_corpus() -> None:
    """ " cat" (2) is twice as frequent as " dog" (4): each holds half of the mass."""
    unit = made(lambda g: 2.0 * on(g, " cat", " the") + 4.0 * on(g, " dog"), windows=900)
    scale = Scale.of(unit.evidence().explain)
    assert scale.quantile(3.0) == pytest.approx(0.5, abs=0.03)
    assert scale.quantile(2.0) == pytest.approx(0.25, abs=0.02)
    assert scale.quantile(4.0) == pytest.approx(0.75, abs=0.02)
    assert scale.quantile(4.1) == 1.0


def test_a_unit_of_one_strength_fires_whenever_it_is_not_silent() -> None:
    scale = Scale.of(made(lambda g: on(g, " cat") + 0.0).evidence().explain)
    assert scale.quantile(1.0) == pytest.approx(0.5)
    assert scale.held(10.0, 1.0) is True
    assert scale.held(0.0, 1.0) is False


def test_a_silent_unit_has_a_scale_on_which_all_is_loud() -> None:
    explain = made(lambda g: on(g, " cat") + 0.0).evidence().explain
    pool = replace(explain.pool, activations=np.zeros_like(explain.pool.activations))
    scale = Scale.of(replace(explain, pool=pool))
    assert (scale.quantile(0.0), scale.quantile(0.1)) == (0.0, 1.0)


def test_the_token_that_is_meant_is_judged_or_else_the_strongest() -> None:
    unit = made(lambda g: 3.0 * on(g, " cat") + 1.0 * on(g, " dog"))
    cat, dog, sat = (unit.vocabulary.index(t) for t in (" cat", " dog", " sat"))
    trials = (
        Trial(tokens=(dog, cat), position=0, predicted=0.0),
        Trial(tokens=(dog, cat), predicted=10.0),
        Trial(tokens=(sat, sat, sat), predicted=0.0),
    )
    planned = Experiment(kind="predicted_positive", description="", trials=trials)
    (done,) = run([planned], unit.laboratory())
    assert [t.measured for t in done.trials] == [1.0, 3.0, 0.0]
    assert unit.asked == 2, "equal texts are run once"
    judged = judge(done, FOUR)
    assert [t.held for t in judged.trials] == [True, True, True]
    assert [t.quantile for t in judged.trials] == [0.05, 0.45, 0.0]
    outcome = {"runs": 3, "held": 3, "failed": 0, "unclear": 0, "mean_quantile": 0.1667}
    assert judged.outcome == outcome


def test_an_outcome_counts_what_held_and_how_far_it_fell() -> None:
    trials = (
        Trial(tokens=(1,), predicted=0.0, before=4.0, measured=0.5),
        Trial(tokens=(2,), predicted=0.0, before=4.0, measured=3.0),
        Trial(tokens=(3,), predicted=0.0, before=4.0, measured=2.0),
    )
    outcome = judge(Experiment(kind=MINIMAL_PAIR, description="", trials=trials), FOUR).outcome
    assert (outcome["held"], outcome["failed"], outcome["unclear"]) == (1, 1, 1)
    assert (outcome["pairs"], outcome["mean_drop"]) == (3, pytest.approx(0.5417, abs=1e-4))


def test_an_occlusion_tells_the_fall_by_distance() -> None:
    trials = tuple(
        Trial(tokens=(i,), before=2.0, measured=after, label=f"{back}: not")
        for i, (back, after) in enumerate([(1, 0.0), (1, 1.0), (2, 2.0), (2, 9.0)])
    )
    outcome = judge(Experiment(kind=OCCLUSION, description="", trials=trials), FOUR).outcome
    assert outcome == {"drop_1_back": 0.75, "drop_2_back": -0.5, "runs": 4}


@pytest.mark.parametrize(
    "trial", [Trial(tokens=(1,), before=2.0), Trial(tokens=(1,), measured=2.0)]
)
def test_nothing_falls_in_a_trial_that_was_not_run_or_changed(trial: Trial) -> None:
    with pytest.raises(ValueError, match="nothing fell"):
        drop(trial)


def test_a_laboratory_runs_equal_texts_once_and_counts_different_ones() -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    laboratory: Laboratory = unit.laboratory()
    texts = [[1, 2, 3], [1], [1, 2, 3], [3, 2, 1]]
    first = laboratory.run(texts)
    assert [values.tolist() for values in first] == [[1, 0, 0], [1], [1, 0, 0], [0, 0, 1]]
    assert (laboratory.runs, unit.asked) == (3, 3)
    laboratory.run([[3, 2, 1], [2, 2]])
    assert (laboratory.runs, unit.asked) == (4, 4)
    table = laboratory.table(np.array([[1, 2, 3], [1, 2, 3]]))
    assert (table.shape, table.dtype, unit.asked) == ((2, 3), np.float32, 4)
