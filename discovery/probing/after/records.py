"""What units that a probe found do, as plain records.

Intervals are 95 % over documents (or groups); nulls are other live units of the same site unless a
record says otherwise. Where there is not enough, ``reason`` stands instead of a value.
"""

from __future__ import annotations

from typing import Literal

from core.results import Finite, Record
from discovery.probing.results import Measured


class RandomRises(Record):
    """The same edit of ``draws`` sets of as many random live units of the site.

    ``ratios`` leave out sets without a rise out of the context. The ``p_*`` are shares of sets
    (with one added) that do as much: ``p_rise`` in the context, ``p_margin`` by the margin, and
    ``p_ratio`` by the ratio, which two tiny rises can make large.
    """

    draws: int
    rises_in: tuple[Finite, ...]
    rises_out: tuple[Finite, ...]
    ratios: tuple[Finite, ...]
    p_rise: Finite
    p_ratio: Finite | None
    p_margin: Finite


class Rise(Record):
    """How next-token loss rises when all units are set to zero, or to their mean out of context.

    ``*_nats`` are means over tokens, ``*_relative`` shares of the unedited loss. ``ratio`` is the
    rise in the context over the rise out of it (no value where loss does not rise there);
    ``margin`` is the rise in the context less ``times`` the rise out of it, in nats, which has a
    value always: above zero, loss rises more than ``times`` as much.
    """

    edit: Literal["zero", "mean"]
    in_nats: Measured
    out_nats: Measured
    in_relative: Measured
    out_relative: Measured
    ratio: Measured
    times: Finite
    margin: Measured
    null: RandomRises | None
    null_reason: str | None = None


class Ablation(Record):
    """Next-token loss without the units. A token is in the context when the one that the
    prediction stands on is: its loss is that of the token after it."""

    site: str
    units: tuple[int, ...]
    tokens_in: int
    tokens_out: int
    clusters_in: int
    clusters_out: int
    loss_in: Measured
    loss_out: Measured
    rises: tuple[Rise, ...]
    reason: str | None = None
    """Why there are no rises."""


class ClassEffect(Record):
    """How a unit's direct effect on logits differs between a class of tokens and all others.

    ``difference`` is mean of the class less mean of the rest, in standard deviations over the
    vocabulary; ``auroc`` the chance that a token of the class is pushed more than another. They
    have no interval: the whole vocabulary is counted. ``p`` is the share of random units (with one
    added) whose |difference| is as large, ``null_p95`` the 95th percentile of theirs.
    """

    name: str
    tokens: int
    difference: Finite
    auroc: Finite
    null_p95: Finite | None
    p: Finite | None


class UnitLogits(Record):
    """The direct path of one unit: W_U · (g ⊙ w), by token class, largest |difference| first.

    ``spread`` is the standard deviation over the vocabulary, logits per unit of activation;
    ``null_spread`` the median of the random units'.
    """

    unit: int
    spread: Finite
    null_spread: Finite | None
    classes: tuple[ClassEffect, ...]


class LogitEffects(Record):
    """Direct effects of units on tokens by class; ``draws`` random units are the null."""

    site: str
    draws: int
    units: tuple[UnitLogits, ...]
    reason: str | None = None


class TokenMean(Record):
    """A unit's mean activation on one token of the vocabulary, in and out of the context."""

    token_id: int
    token: str
    tokens_in: int
    tokens_out: int
    clusters_in: int
    clusters_out: int
    mean_in: Measured
    mean_out: Measured
    difference: Measured


class UnitTokens(Record):
    """The tokens that differ most by context (the largest of many: their intervals are not for
    the choice).

    ``overall`` is the difference in standard deviations of the unit, mean over all tokens of the
    vocabulary that occur often enough in both contexts; ``null_p95`` and ``p`` are about random
    units' |overall|.
    """

    unit: int
    compared: int
    overall: Measured
    null_p95: Finite | None
    p: Finite | None
    tokens: tuple[TokenMean, ...]


class TokenContexts(Record):
    """What units do on the same token in and out of the context."""

    site: str
    least: int
    draws: int
    units: tuple[UnitTokens, ...]
    reason: str | None = None


class Firings(Record):
    """How often a unit is above ``threshold``, and the context's share of those tokens."""

    threshold: Finite
    tokens_in: int
    tokens_out: int
    share: Measured


class UnitShare(Record):
    """A unit's positive activation on running text: sums, and the context's share of them.

    ``null_p95`` and ``p`` are about random live units' shares of activation.
    """

    unit: int
    sum_in: Finite
    sum_out: Finite
    share: Measured
    firings: tuple[Firings, ...]
    null_p95: Finite | None
    p: Finite | None


class LabelShare(Record):
    """How much of what units say is about the label, on text as it comes.

    ``label_share`` is the share of tokens in the context: what a unit that ignores it would have.
    Tokens ``unknown`` are in no sum.
    """

    site: str
    tokens_in: int
    tokens_out: int
    unknown: int
    label_share: Measured
    draws: int
    units: tuple[UnitShare, ...]
    reason: str | None = None


class Pair(Record):
    """Two units on the positives. Nulls are 95 % of shuffles within each unit's column."""

    first: int
    second: int
    both: int
    phi: Measured
    null_low: Finite | None
    null_high: Finite | None
    jaccard: Finite | None
    jaccard_by_chance: Finite | None


class Covered(Record):
    """Share of positives on which one of the units so far fires; ``by_chance``: mean of shuffles.

    The unit fires where it is above ``threshold`` (below it, where not ``above``).
    """

    unit: int
    threshold: Finite
    above: bool
    recall: Finite
    """Share of positives on which this unit fires."""
    precision: Finite | None
    """Share of positives among rows on which it fires, both classes weighted alike."""
    coverage: Measured
    by_chance: Finite


class Cooccurrence(Record):
    """Whether units share the positives out among them or fire together, and the stated rule."""

    site: str
    units: tuple[int, ...]
    positives: int
    negatives: int
    shuffles: int
    pairs: tuple[Pair, ...]
    coverage: tuple[Covered, ...]
    """In the order in which each adds most."""
    mean_phi: Measured
    mean_phi_null: tuple[Finite, Finite] | None
    all_precision: Measured
    """Of rows on which all units fire, both classes weighted alike."""
    reading: Literal["union", "superposition", "undecided"] | None
    rule: str
    reason: str | None = None


class LayerWeights(Record):
    """‖w_in‖ · b_in of all units of a layer's MLP. ``quantiles`` by level."""

    site: str
    units: int
    mean: Finite
    negative: Finite
    """Share of units below zero."""
    quantiles: dict[str, Finite]


class UnitWeights(Record):
    """A found unit's ‖w_in‖ · b_in; ``percentile``: share of its layer's units that are lower."""

    site: str
    unit: int
    norm: Finite
    bias: Finite
    product: Finite
    percentile: Finite


class InputWeights(Record):
    """Weights as stored: the norm before the MLP is not folded in. Nothing is sampled."""

    layers: tuple[LayerWeights, ...]
    found: tuple[UnitWeights, ...]
    reason: str | None = None


class Separation(Record):
    """How well a score tells compounds from other rows, on test rows.

    ``threshold`` is the highest score of any negative train row; ``recall`` and ``false_positives``
    are the shares of test positives and test negatives above it.
    """

    units: tuple[int, ...]
    near: Measured
    """AUROC against rows with one of the two words."""
    other: Measured
    """AUROC against all other text."""
    everything: Measured
    """AUROC against both, weighted alike."""
    threshold: Finite
    recall: Measured
    false_positives: Measured


class CompoundSum(Record):
    """The sum of several units against the best single one; chosen on train, measured on test.

    ``gain`` is the difference of their AUROC against everything, paired. ``null`` are the AUROCs of
    the sums of as many random live units each.
    """

    site: str
    positives: int
    near: int
    other: int
    single: Separation | None
    summed: Separation | None
    gain: Measured
    null: tuple[Finite, ...] = ()
    p: Finite | None = None
    reason: str | None = None


class SplitStep(Record):
    """R² on test of the best non-negative sum of ``k`` units of the larger subject.

    ``random`` are R² of sums of k random live units, fitted alike on train.
    """

    k: int
    units: tuple[str, ...]
    weights: tuple[Finite, ...]
    r2: Measured
    random: tuple[Finite, ...]
    train_r2: Finite


class Part(Record):
    """A unit of the larger subject in the sum that is read; ``share`` is of the strongest test
    tokens of the target: those at which it gives twice what all other parts give together."""

    unit: str
    weight: Finite
    share: Measured


class Splitting(Record):
    """How many units of a larger subject make up one of a smaller, and the stated rule."""

    unit: str
    larger: str
    candidates: int
    """Units kept by their correlation on train, of all live ones."""
    of: int
    train_tokens: int
    test_tokens: int
    steps: tuple[SplitStep, ...]
    reason: str | None = None
    site: str | None = None
    """Of the larger subject, chosen on train."""
    gain: Measured | None = None
    """R² of the largest sum less that of the best single unit, on test."""
    parts: tuple[Part, ...] = ()
    """Of the smallest sum that is within 0.02 of the best R² on train, largest train share
    first; none where that is a single unit."""
    reading: Literal["one unit", "split", "undecided"] | None = None
    rule: str = ""


class AfterReport(Record):
    """All parts that could be made; ``failures`` says by part why one is missing."""

    subject: str
    collection: str
    feature: str
    site: str
    units: tuple[int, ...]
    ablation: Ablation | None
    logits: LogitEffects | None
    tokens: TokenContexts | None
    share: LabelShare | None
    cooccurrence: Cooccurrence | None
    weights: InputWeights | None
    failures: dict[str, str]
