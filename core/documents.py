"""The documents that people and programs read: what ``--json`` prints and the pages are drawn from.

Keys are stable: additions are fine, renames are not. Absent figures are ``null``.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.evidence import ExcerptSet, UnitStatistics
from core.ids import UnitIdField
from core.results import Arm, Explanation, Finite, Record, Score, Step, Usage, Verdict


class Statistics(Record):
    """A unit over every token of the corpus, in its own scale."""

    mean: Finite
    variance: Finite
    skewness: Finite | None
    kurtosis: Finite | None
    min: Finite
    max: Finite
    share_active: Finite
    documents_active: int
    n_tokens: int
    live: bool

    @classmethod
    def of(cls, measured: UnitStatistics) -> Statistics:
        """From what the index measured."""
        return cls(
            mean=measured.mean,
            variance=measured.variance,
            skewness=measured.skewness,
            kurtosis=measured.kurtosis,
            min=measured.minimum,
            max=measured.maximum,
            share_active=measured.share_active,
            documents_active=measured.documents_active,
            n_tokens=measured.n_tokens,
            live=measured.live,
        )


class Histogram(Record):
    """Counts of non-zero values: ``counts[i]`` lie between ``edges[i]`` and ``edges[i + 1]``."""

    edges: list[Finite]
    counts: list[int]


class BandShare(Record):
    """Windows of the ``explain`` split whose maximum lies in [low, high); None is open."""

    name: str
    low: Finite | None
    high: Finite | None
    share: Finite


class ShownExcerpt(Record):
    """One window: ``tokens[t]`` fired at ``activations[t]``.

    ``simulated`` is on a scale from 0 to 10, for explanations of the negative side from -10 to 0,
    and None where the simulator said nothing.
    """

    kind: str
    split: Literal["explain", "select", "report"]
    document: str
    offset: int
    tokens: list[str]
    activations: list[Finite]
    simulated: list[Finite | None] | None = None

    @classmethod
    def some(
        cls, excerpts: ExcerptSet, count: int, simulated: NDArray[np.float64] | None = None
    ) -> list[ShownExcerpt]:
        """The first ``count`` of ``excerpts``."""
        return [
            cls(
                kind=excerpts.kinds[i],
                split=excerpts.split,
                document=excerpts.documents[i],
                offset=int(excerpts.offsets[i]),
                tokens=list(excerpts.tokens[i]),
                activations=[round(float(v), 6) for v in excerpts.activations[i]],
                simulated=None if simulated is None else [_or_none(v) for v in simulated[i]],
            )
            for i in range(min(count, len(excerpts)))
        ]


def _or_none(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


class PortToken(Record):
    """A token and how much one unit of activation moves its logit on the direct path."""

    token: str
    weight: Finite


class TrialShown(Record):
    """One text that was run, around the token that was judged (``tokens[position]``).

    ``predicted`` from 0 to 10; ``measured`` in the unit's own scale and ``quantile`` among all that
    the unit does; ``held`` says whether the prediction came true.
    """

    tokens: list[str]
    position: int
    predicted: Finite | None
    before: Finite | None
    measured: Finite | None
    quantile: Finite | None
    held: bool | None
    label: str


class ExperimentShown(Record):
    """One question put to the subject during the investigation, with some of its trials."""

    id: str
    kind: str
    description: str
    outcome: dict[str, float | int | str]
    about: str = ""
    trials: list[TrialShown] = Field(default_factory=list)


class Source(Record):
    """What the figures come from: model, corpus and index, each by its fingerprint."""

    subject: str
    subject_source: str
    spec_hash: str
    corpus: str
    corpus_fingerprint: str
    index: str
    n_documents: int
    window: int


class UnitProfile(Record):
    """What an index tells of a unit before anyone explains it (``show --json``)."""

    unit: UnitIdField
    statistics: Statistics
    histogram: Histogram
    bands: list[BandShare]
    excerpts: list[ShownExcerpt]
    promoted: list[PortToken]
    suppressed: list[PortToken]
    source: Source
    truth: dict[str, Any] | None = None


class ExplainDocument(Record):
    """An investigation (``explain --json``): explanations, scores, and the evidence behind them.

    ``report_openings`` counts how often the report split of this unit has been looked at, over all
    stored runs, this one included.
    """

    unit: UnitIdField
    verdict: Verdict
    reason: str
    explanations: list[Explanation]
    scores: list[Score]
    usage: Usage = Field(default_factory=Usage)
    seconds: Finite
    run: str
    created: str
    code_version: str
    seed: int
    report_openings: int
    mode: str = "agent"
    experiments: list[ExperimentShown]
    steps: list[Step] = Field(default_factory=list)
    arms: list[Arm] = Field(default_factory=list)
    profile: UnitProfile


class Collected(Record):
    """What one collection made, and what it left out."""

    subject: str
    sites: list[str]
    index: str
    folder: str
    bytes: int
    tokens: int
    tokens_left_out: int
    documents: int
    documents_too_short: int
    windows: int
    left_out_positions: str
    seconds: float

    def told(self) -> str:
        """For a person."""
        rate = self.tokens / max(self.seconds, 1e-9)
        return (
            f"{self.subject}: {', '.join(self.sites)}\n"
            f"  {self.tokens:,} tokens of {self.documents:,} documents, "
            f"{rate:,.0f} tokens/s, {self.bytes / 2**20:.1f} MiB\n"
            f"  {self.tokens_left_out:,} tokens and {self.documents_too_short:,} short documents "
            f"left out; positions left out: {self.left_out_positions}\n"
            f"  {self.folder}"
        )
