"""What a probing run says, as plain records: figures with intervals, nulls and baselines."""

from __future__ import annotations

from typing import Literal

from core.results import Finite, Record

Method = Literal[
    "random",
    "mean-difference",
    "f",
    "mutual-information",
    "l1",
    "svm",
    "adaptive",
    "osp",
]
"""Who chose the support."""

ProofStatus = Literal["optimal", "time_limit", "failed"]


class Measured(Record):
    """A figure with its 95 % interval; where there is no value, or no interval, ``reason``."""

    value: Finite | None
    low: Finite | None = None
    high: Finite | None = None
    reason: str | None = None


class Certificate(Record):
    """How good a support is proven to be on the training rows, for one loss and one ridge.

    ``gap`` is (loss - bound) / max(|loss|, 1e-12): no support of this size has a loss below
    ``bound``. ``status`` is ``optimal`` only where the gap is at most ``tolerance``.
    """

    loss_name: Literal["hinge", "logistic"]
    gamma: Finite
    loss: Finite | None
    bound: Finite | None
    gap: Finite | None
    tolerance: Finite
    status: ProofStatus
    seconds: Finite
    cuts: int
    of: int
    """How many neurons the choice was among."""


class ProbeScore(Record):
    """One refitted probe on test rows. ``seconds`` is what choosing its support took."""

    method: Method
    site: str
    k: int
    seed: int
    units: tuple[int, ...]
    coefficients: tuple[Finite, ...]
    f1: Measured
    precision: Measured
    recall: Measured
    mcc: Measured
    average_precision: Measured
    roc_auc: Measured
    log_loss: Finite | None
    """Test log-loss in nats, classes in equal weight."""
    train_f1: Finite
    """What sites and sizes are chosen by, so that test rows are looked at once."""
    seconds: Finite
    certificate: Certificate | None = None
    note: str | None = None
    """What the method or the fit says of itself (did not converge, rows were sampled)."""
    failure: str | None = None


class Null(Record):
    """F1 with labels shuffled, ``draws`` times: k neurons chosen by ``choice`` and the site on
    training rows, refitted and measured as the real ones are."""

    mean: Finite
    p95: Finite
    p: Finite
    """Share of draws (with one added) that reach the real figure."""
    draws: int
    k: int = 1
    choice: Method = "mean-difference"


class Controls(Record):
    """What labels give away without the model: probes of the token and of the place alone."""

    token: Measured
    position: Measured
    majority: Measured
    """F1 of calling everything positive."""
    warnings: tuple[str, ...] = ()


class Basis(Record):
    """Mean 1-sparse F1 of the top neurons and of as many directions of random Gaussian bases."""

    neurons: Measured
    rotated: tuple[Finite, ...]
    """One figure a rotated basis."""
    log_loss_neurons: dict[int, Finite]
    log_loss_rotated: dict[int, Finite]
    """Test log-loss by k, rotated: mean over the bases."""


class Round(Record):
    """Units found again after those of earlier rounds were taken away."""

    number: int
    site: str
    units: tuple[int, ...]
    f1: Measured


class FeatureReport(Record):
    """All that a run says about one feature of a subject."""

    collection: str
    feature: str
    description: str
    among: str | None
    positives: int
    negatives: int
    documents: int
    best: ProbeScore | None
    """Site and k chosen on training rows by the first method; its figures are from test rows."""
    null: Null | None
    random: Measured | None
    """F1 of as many random neurons of the same site, mean over draws."""
    controls: Controls | None
    alone: tuple[Measured, ...] = ()
    """F1 of a probe of each unit of ``best`` by itself, in their order."""
    basis: Basis | None = None
    scores: tuple[ProbeScore, ...] = ()
    curve: tuple[ProbeScore, ...] = ()
    """Adaptive thresholding at the best site, k = 256 .. 1."""
    rounds: tuple[Round, ...] = ()
    reading: str | None = None
    """What precision against recall suggests."""
    status: Literal["ok", "left_out", "failed"] = "ok"
    reason: str | None = None


class MethodRow(Record):
    """One line of the comparison of methods: mean over features of the best site's F1, by k."""

    method: Method
    f1: dict[int, Measured]
    seconds: Measured
    """For choosing one support of the largest k."""
    n: int
    """Features (and seeds) in the mean."""
    failures: int
    gain: Measured | None = None
    """F1 at the largest k less that of the headline's method, feature by feature."""


class ProbingReport(Record):
    """A whole run on one subject and one collection."""

    subject: str
    collection: str
    sites: tuple[str, ...]
    dataset: str
    """Fingerprint of the dataset."""
    seeds: tuple[int, ...]
    methods: tuple[Method, ...]
    ks: tuple[int, ...]
    features: tuple[FeatureReport, ...]
    comparison: tuple[MethodRow, ...]
    summary: dict[str, Finite | int | str | None]
    """Windows, tokens, rows, positive share, ... of the dataset."""
    settings: dict[str, Finite | int | str | bool | None]
    seconds: Finite
