"""What is claimed about a unit: explanations, simulations, scores, verdicts, and how it came about.

A number never travels alone: a :class:`Score` carries its interval, its counts and a status. What
could not be computed is ``None`` with a reason; ``NaN`` is refused at the boundary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from core.ids import UnitIdField

Status = Literal["ok", "undefined", "unparsed", "refused", "partial", "error"]
Verdict = Literal[
    "explained", "polysemantic", "abstained", "dead", "low_evidence", "refused", "failed"
]
Polarity = Literal["positive", "negative"]
Side = Literal["input", "output"]
Scorer = Literal[
    "simulation",
    "explained_variance",
    "detection",
    "fuzzing",
    "embedding",
    "ablation",
    "intervention",
    "intruder",
]
Measure = Literal[
    "correlation",
    "explained_variance",
    "auroc",
    "balanced_accuracy",
    "accuracy",
    "divergence_explained",
]
Mode = Literal["top_and_random", "random_only", "corpus", "hard_negatives"]
Calibration = Literal["none", "linear", "percentile"]
ArmName = Literal["one_shot", "resampling", "paraphrase"]
ARMS: tuple[ArmName, ...] = get_args(ArmName)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("NaN and infinity are not values: use None with a reason")
    return value


Finite = Annotated[float, AfterValidator(_finite)]


class Record(BaseModel):
    """Base of everything that crosses a boundary: immutable, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Usage(Record):
    """What was spent on language-model calls; ``usd`` is ``None`` when a price is unknown."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Finite | None = 0.0


class Provenance(Record):
    """Where an explanation comes from: enough to make it again.

    ``experiments`` are the ids of those of its run that it rests on.
    """

    method: str
    seed: int
    subject_spec: str
    corpus: str
    index: str
    code_version: str
    prompt: str | None = None
    prompt_hash: str | None = None
    model: str | None = None
    parameters: dict[str, str | int | float | bool | None] = {}
    experiments: list[str] = []


class Explanation(Record):
    """A sentence about a unit. ``symbols`` is its length as the token-list baseline counts it.

    ``side`` says whether it tells what the unit reacts to or what it promotes.
    """

    id: str
    unit: UnitIdField
    text: str
    polarity: Polarity = "positive"
    share: Finite | None = None
    method: str
    version: int = 1
    symbols: int
    provenance: Provenance
    side: Side = "input"


@dataclass(frozen=True, slots=True)
class Simulation:
    """Predicted activations, [excerpts, tokens] float64, in the simulator's own scale.

    ``known`` marks the positions that were read; the others are missing, which is not zero. Raises
    ValueError where the shapes differ or a known prediction is no finite number.
    """

    predicted: NDArray[np.float64]
    known: NDArray[np.bool_]
    status: Status = "ok"
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.predicted.shape != self.known.shape:
            raise ValueError(f"predictions {self.predicted.shape} and known {self.known.shape}")
        if not np.isfinite(self.predicted[self.known]).all():
            raise ValueError("a prediction is not finite: mark the position as not known instead")

    @property
    def coverage(self) -> float:
        """Share of tokens with a prediction."""
        return float(self.known.mean()) if self.known.size else 0.0


class Score(Record):
    """One figure of one explanation, with everything needed to believe it.

    ``measure`` says what ``value`` is. ``df`` are the interval's degrees of freedom; ``caution``
    says why it is approximate, where it is. ``null_*`` describe the same prediction scored on other
    units of the site, or on permuted labels where a language model rated marks or intruders;
    ``p_null`` is the share of them (and one) that it suits as well as its own;
    ``token_list_equal``, ``token_list_50`` and ``token_table`` are token-lookup baselines built
    from the same ``explain`` text; ``oracle`` is the true explanation's score where it is known.
    """

    explanation_id: str
    scorer: Scorer
    measure: Measure = "correlation"
    simulator: str
    calibration: Calibration = "none"
    mode: Mode
    split: Literal["select", "report"]
    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    df: Finite | None = None
    caution: str | None = None
    n_excerpts: int
    n_tokens: int
    status: Status
    reason: str | None = None
    null_mean: Finite | None = None
    null_p95: Finite | None = None
    null_units: int = 0
    p_null: Finite | None = None
    token_list_equal: Finite | None = None
    token_list_50: Finite | None = None
    token_table: Finite | None = None
    oracle: Finite | None = None

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        if self.value is None and (self.status == "ok" or not self.reason):
            raise ValueError("a score without a value needs a status other than ok and a reason")
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("an interval's low end lies above its high end")
        return self


class Gain(Record):
    """What the published explanation predicts better in one mode: Δρ, paired by excerpt."""

    mode: str
    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    p: Finite | None = None
    reason: str | None = None


class Arm(Record):
    """What would have been said otherwise, scored on the same opening of ``report``.

    ``one_shot``: without experiments; ``resampling``: with as many texts and calls, without
    experiments; ``paraphrase``: the published sentence in other words. ``same``: word for word.
    """

    name: ArmName
    polarity: Polarity
    text: str
    symbols: int
    same: bool
    scores: tuple[Score, ...]
    gains: tuple[Gain, ...] = ()


class Step(Record):
    """One step of an investigation, for people: what was done and what came of it."""

    name: str
    polarity: str
    round: int
    said: str
    figures: dict[str, float | int | str] = {}
