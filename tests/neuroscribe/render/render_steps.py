"""Trials, steps and arms as a document shows them."""

from __future__ import annotations

from typing import Any

from core.documents import ExperimentShown, TrialShown
from core.results import Arm, ArmName, Gain, Score, Step


def trial(**changes: Any) -> TrialShown:
    """A text whose context was broken."""
    fields: dict[str, Any] = {
        "tokens": ["\n", "class", " Name"],
        "position": 2,
        "predicted": 0.0,
        "before": 6.5,
        "measured": 0.0,
        "quantile": 0.0,
        "held": True,
        "label": "context broken",
    }
    return TrialShown(**fields | changes)


def step(name: str, said: str, round: int, polarity: str = "positive") -> Step:
    return Step(name=name, polarity=polarity, round=round, said=said)


def arm(name: ArmName, text: str, scores: list[Score], same: bool = False) -> Arm:
    """One that predicts less by .2 in one mode; in the other it is not known."""
    gains = [
        Gain(mode="corpus", value=0.2, low=0.11, high=0.29, p=0.002),
        Gain(mode="random_only", value=None, reason="undefined: constant activations"),
    ]
    return Arm(
        name=name,
        polarity="positive",
        text=text,
        symbols=1,
        same=same,
        scores=tuple(scores),
        gains=tuple(gains),
    )


EXPERIMENTS = [
    ExperimentShown(
        id="x1",
        kind="occlusion",
        description="each of the 12 tokens before 12 peaks replaced in turn; mean relative "
        "drop of the activation by distance",
        outcome={"drop_1_back": 0.9312, "drop_2_back": 0.0411, "runs": 131},
    ),
    ExperimentShown(
        id="x2",
        kind="minimal_pair",
        description="the context 'right after the token \"def\"' broken at 12 places",
        outcome={"mean_drop": 0.941, "pairs": 12},
        about='right after the token "def"',
        trials=[
            trial(held=True),
            trial(held=False, measured=4.1, quantile=0.61),
            trial(held=None, measured=0.9, quantile=0.12),
        ],
    ),
    ExperimentShown(
        id="x3",
        kind="predicted_positive",
        description="2 windows in which the explanation predicts that the unit fires",
        outcome={"held": 1, "failed": 0, "unclear": 0},
        trials=[trial(before=None, predicted=10.0, held=True, measured=5.25, quantile=0.93)],
    ),
]
STEPS = [
    step("propose", "2 hypotheses from the excerpts", 0),
    step("choose", 'Fires on the token "name".', 0),
    step("design", "planned: occlusion, minimal pair, predicted positive", 1),
    step("experiment", "145 texts run: 140 predictions held, 3 failed", 1),
    step("revise", "1 new hypothesis", 1),
    step("choose", 'changed: Fires on a lower-case token right after the token "def".', 1),
    step("publish", "explained: beats the null in corpus and top_and_random", 1),
]
