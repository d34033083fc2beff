"""What the neurons that a probe found do, asked feature by feature on documents no choice has seen.

Neurons and sites were chosen on training documents of the first seed's split; here only its test
documents are read, but for the sum of neurons of a compound, which is chosen on training documents
too and measured on the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import NeuroscribeError
from core.hashing import fingerprint, unit_interval
from core.results import Record
from discovery.probing.after.records import AfterReport, CompoundSum
from discovery.probing.after.study import after_probe
from discovery.probing.after.superposition import compound_sum_between
from discovery.probing.after.windows import LabelledWindows, running_windows, windows_of
from discovery.probing.builders.token_text import TOKEN_FEATURES, label_vocabulary
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Annotation, Collection
from discovery.probing.parallel import run_jobs
from discovery.probing.processes import Workers
from discovery.probing.results import FeatureReport, ProbeScore, ProbingReport
from discovery.probing.splits import TEST_SHARE, groups_of, test_rows
from discovery.probing.statistics import Flags
from subjects.protocol import Subject

COMPOUNDS = "compound-words"
_VERSION = 4
"""Changes whenever results do, so that those kept before are not given again."""


@dataclass(frozen=True, slots=True)
class AfterSettings:
    """How much is read.

    Attributes:
        windows: Windows of a feature at most, half of them with tokens in the context.
        draws: Other neurons, or sets of them, that the neurons found are compared with.
        tokens: Of running text.
        seed: Draws windows, other neurons and intervals.
    """

    windows: int = 256
    draws: int = 20
    tokens: int = 100_000
    seed: int = 0


class FeatureAfter(Record):
    """What was asked of the best probe of one feature; ``reason`` where something could not be.

    Intervals are over groups of documents, those of ``compound`` over documents. ``documents``
    counts the test documents. ``compound`` is there for compound words only.
    """

    feature: str
    documents: int
    report: AfterReport | None
    compound: CompoundSum | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Divided:
    """Numbers of the training and the test documents of a split, and the groups they are of."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    trained: frozenset[str]
    tested: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about one feature that was probed: a piece of work of its own."""

    subject: Subject
    collection: Collection
    dataset: ProbingDataset
    found: FeatureReport
    settings: AfterSettings

    @property
    def best(self) -> ProbeScore:
        """The probe whose neurons are asked about."""
        assert self.found.best is not None
        return self.found.best

    @property
    def name(self) -> str:
        """Names the file that keeps the answer, by all that the answer depends on."""
        candidates = list(self._candidates())
        asked = [_VERSION, asdict(self.settings), self.found.feature, self.best.seed]
        return fingerprint([*asked, self.best.site, list(self.best.units), candidates])

    def run(self) -> FeatureAfter:
        """Ask; what cannot be answered is a reason."""
        parts = self._divided()
        report, compound, reason = None, None, None
        try:
            report = self._report(parts)
            if self.collection.name == COMPOUNDS:
                compound = self._compound(parts)
        except NeuroscribeError as error:
            reason = str(error)
        return FeatureAfter(
            feature=self.found.feature,
            documents=len(parts.test),
            report=report,
            compound=compound,
            reason=reason,
        )

    def _report(self, parts: _Divided) -> AfterReport:
        settings = self.settings
        running = self._running(self._text(parts, test=True))
        return after_probe(
            self.subject,
            self.dataset,
            self.found.feature,
            self.best.site,
            self.best.units,
            documents=parts.test,
            running=running if len(running) else None,
            classes=plain_text_classes(self.subject),
            most_windows=settings.windows,
            draws=settings.draws,
            over="groups",
            seed=settings.seed,
        )

    def _compound(self, parts: _Divided) -> CompoundSum:
        def near(documents: NDArray[np.int64]) -> LabelledWindows:
            return windows_of(self.dataset, self.found.feature, documents=documents)

        def other(*, held: bool) -> LabelledWindows:
            text = self._text(parts, test=held, without=True)
            found = running_windows(
                self.subject, text, self.found.feature, most_tokens=self.settings.tokens
            )
            return found.sample(self.settings.windows, self.settings.seed)

        return compound_sum_between(
            self.subject,
            self.best.site,
            self._candidates(),
            (near(parts.train), near(parts.test)),
            (other(held=False), other(held=True)),
            draws=self.settings.draws,
            seed=self.settings.seed,
        )

    def _candidates(self) -> tuple[int, ...]:
        """The neurons of the largest probe of the same method at the same site."""
        best = self.best
        own = [
            score
            for score in (*self.found.scores, best)
            if (score.method, score.site, score.seed) == (best.method, best.site, best.seed)
        ]
        return max(own, key=lambda score: len(score.units)).units

    def _divided(self) -> _Divided:
        """The documents of the probe's split."""
        labels = self.dataset.labels[:, self.dataset.column(self.found.feature)]
        test = test_rows(labels, groups_of(self.dataset), self.best.seed)
        if test is None:  # what was probed had a split
            test = np.zeros(len(labels), dtype=np.bool_)
        documents, used = self.dataset.row_documents, labels != 0
        parts = [np.unique(documents[used & part]).astype(np.int64) for part in (~test, test)]
        groups = [frozenset(self.dataset.groups[number] for number in part) for part in parts]
        return _Divided(parts[0], parts[1], groups[0], groups[1])

    def _text(self, parts: _Divided, *, test: bool, without: bool = False) -> Collection:
        """Documents of the test groups, or of the training ones; ``without``: unlabelled ones only.

        Groups that the probe has not seen are divided by a hash of their names, as it was: text in
        which the feature is rare or absent belongs to what a unit says of it.
        """
        name, annotations = self.found.feature, self.collection.annotations

        def some() -> Iterator[Annotation]:
            for one in annotations():
                group = one.document.group
                held = group in parts.tested
                if group not in parts.trained and not held:
                    held = unit_interval("probing/after", group) < TEST_SHARE
                labelled = one.positive.get(name) or one.negative.get(name)
                if held == test and not (without and labelled):
                    yield one

        return replace(self.collection, annotations=some)

    def _running(self, text: Collection) -> LabelledWindows:
        """Text as it comes with every token labelled; clusters are groups."""
        groups: list[str] = []

        def noted() -> Iterator[Annotation]:
            for one in text.annotations():
                groups.append(one.document.group)
                yield one

        found = running_windows(
            self.subject,
            replace(text, annotations=noted),
            self.found.feature,
            most_tokens=self.settings.tokens,
        )
        _, numbers = np.unique(np.array(groups, dtype=object), return_inverse=True)
        found = replace(found, clusters=numbers.reshape(-1)[found.clusters], over="groups")
        by_token = plain_text_classes(self.subject).get(self.found.feature)
        if self.collection.name != "token-text" or by_token is None:
            return found
        there = np.arange(found.ids.shape[1])[None] < found.lengths[:, None]
        context = np.where(there, np.where(by_token[found.ids], 1, -1), 0)
        return replace(found, context=context.astype(np.int8))


def ask(
    subject: Subject,
    collection: Collection,
    dataset: ProbingDataset,
    report: ProbingReport,
    folder: Path,
    *,
    settings: AfterSettings | None = None,
    fresh: bool = False,
    told: Callable[[str, int, int | None], None] | None = None,
) -> tuple[tuple[FeatureAfter, ...], bool]:
    """What is asked about every feature that was probed, and whether all of it had been before.

    Each answer is kept in ``folder`` as soon as it is there; ``fresh`` asks anew.
    """
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    jobs = [
        Asked(subject, collection, dataset, feature, settings or AfterSettings())
        for feature in report.features
        if feature.best is not None
    ]
    counts: list[int] = []

    def tell(done: int, of: int) -> None:
        counts.append(done)
        if told is not None:
            told("asking what the neurons do", done, of)

    found = run_jobs(jobs, FeatureAfter, folder, Workers(1), tell)
    return tuple(found), counts[0] == len(jobs)


def plain_text_classes(subject: Subject) -> dict[str, Flags]:
    """The eleven features of a token's characters, by name [vocabulary]."""
    table = label_vocabulary(subject.vocabulary)
    names = [feature.name for feature, _ in TOKEN_FEATURES]
    return dict(zip(names, table, strict=True))
