"""A probing run from labelled rows to a report, in pieces that survive a kill.

Read the units once and rank all of them for all features in that pass; then, feature by feature and
site by site, choose supports, refit and measure; last, put nulls and baselines beside the best.
Whatever chooses (neurons, sites, sizes) sees training rows only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidSetting, UnknownSite
from discovery.probing.activations import Rows
from discovery.probing.best import FeatureJob, left_out
from discovery.probing.comparison import comparison
from discovery.probing.controls import Given
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Feature
from discovery.probing.moments import Moments, strongest
from discovery.probing.parallel import Job, R, run_jobs
from discovery.probing.plan import PREFILTER, ProbeSettings, Split
from discovery.probing.processes import Workers
from discovery.probing.reading import Source
from discovery.probing.results import FeatureReport, ProbeScore, ProbingReport
from discovery.probing.splits import groups_of, test_rows
from discovery.probing.trials import SiteJob, SiteScores
from subjects.protocol import Subject

Told = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""


def probe(
    subject: Subject,
    dataset: ProbingDataset,
    sites: Sequence[str],
    settings: ProbeSettings | None = None,
    *,
    folder: Path | None = None,
    told: Told | None = None,
) -> ProbingReport:
    """Probe every feature of ``dataset`` at ``sites``.

    What is read and found is kept in ``folder``, so that a run that was killed goes on there; it is
    for this subject, dataset, sites and settings alone. Raises :class:`core.errors.UnknownSite` and
    :class:`InvalidSetting`.
    """
    settings = settings or ProbeSettings()
    started = time.perf_counter()
    _check(subject, sites)
    with _activations(folder, settings) as kept, Workers(settings.jobs) as workers:
        source = Source(subject, dataset, tuple(sites), kept)
        features = _Run(source, settings, folder, workers, told or _silent).features()
    return ProbingReport(
        subject=subject.spec.name,
        collection=dataset.collection,
        sites=tuple(sites),
        dataset=dataset.fingerprint,
        seeds=settings.seeds,
        methods=settings.methods,
        ks=settings.ks,
        features=tuple(features),
        comparison=comparison(features, settings),
        summary=_summary(dataset, features),
        settings=settings.told(),
        seconds=time.perf_counter() - started,
    )


@contextmanager
def _activations(folder: Path | None, settings: ProbeSettings) -> Iterator[Path | None]:
    """Where activations are kept: processes share them by files, so several need a folder."""
    if folder is not None:
        yield folder / "activations"
    elif settings.jobs > 1:
        with TemporaryDirectory(prefix="neuroscribe-") as made:
            yield Path(made)
    else:
        yield None


def _summary(
    dataset: ProbingDataset, features: Sequence[FeatureReport]
) -> dict[str, float | int | str | None]:
    """What is in the dataset; features whose groups cannot be divided count as left out."""
    out = sum(feature.status == "left_out" for feature in features)
    return {**dataset.summary(), "features": len(features) - out, "left_out": out}


def _check(subject: Subject, sites: Sequence[str]) -> None:
    known = subject.sites()
    hint = f"sites: {', '.join(known)}"
    if not sites:
        raise InvalidSetting("no site is named", hint)
    for site in sites:
        if site not in known:
            raise UnknownSite(f"subject {subject.spec.name!r} has no site {site!r}", hint)


def _silent(what: str, done: int, of: int) -> None:
    pass


_Numbers = dict[str, list[NDArray[np.int64]]]
_Flags = dict[str, list[NDArray[np.bool_]]]


@dataclass(slots=True)
class _Run:
    source: Source
    settings: ProbeSettings
    folder: Path | None
    workers: Workers
    told: Told

    def features(self) -> list[FeatureReport]:
        """A report of every feature, in the collection's order; those left out come last."""
        splits = self._splits()
        if not splits:
            return self._left_out(set())
        leading = _first_of_each(splits)
        rows, neurons, live = self._ranked(splits)
        sites = self.source.sites
        jobs = [
            SiteJob(rows, split, site, neurons[site][task], live[site][task], self.settings)
            for task, split in enumerate(splits)
            for site in sites
        ]
        scored: dict[int, list[ProbeScore]] = {}
        found = self._run(jobs, SiteScores, "probing")
        for job, result in zip(jobs, found, strict=True):
            scored.setdefault(job.split.feature, []).extend(result.scores)
        dataset = self.source.dataset
        ends = [
            FeatureJob(
                rows=rows,
                collection=dataset.collection,
                feature=dataset.features[splits[task].feature],
                given=Given.of(dataset, splits[task].labels),
                split=splits[task],
                scores=tuple(scored[splits[task].feature]),
                neurons={site: neurons[site][task] for site in sites},
                live={site: live[site][task] for site in sites},
                settings=self.settings,
            )
            for task in leading
        ]
        reports = self._run(ends, FeatureReport, "nulls and baselines")
        return [*reports, *self._left_out({splits[task].feature for task in leading})]

    def _ranked(self, splits: list[Split]) -> tuple[Rows, _Numbers, _Flags]:
        """Rows; by site and split the neurons of largest mean difference, and which ones vary."""
        sites, windows = self.source.sites, len(self.source.dataset.ids)
        ranked: _Numbers = {site: [] for site in sites}
        live: _Flags = {site: [] for site in sites}

        def rank(moments: Moments) -> None:
            for site in sites:
                for strength in moments.strengths(site):
                    ranked[site].append(strongest(strength, PREFILTER))
                    live[site].append(np.isfinite(strength))

        labels = [split.train_labels for split in splits]
        rows = self.source.read(labels, rank, lambda done: self.told("reading", done, windows))
        return rows, ranked, live

    def _run(self, jobs: Sequence[Job[R]], kind: type[R], what: str) -> list[R]:
        folder = None if self.folder is None else self.folder / "parts" / self.settings.key
        return run_jobs(
            jobs, kind, folder, self.workers, lambda done, of: self.told(what, done, of)
        )

    def _splits(self) -> list[Split]:
        """Every feature under every seed; features whose groups cannot be divided have none."""
        dataset = self.source.dataset
        groups = groups_of(dataset)
        found = []
        for feature in range(len(dataset.features)):
            labels = dataset.labels[:, feature]
            for seed in self.settings.seeds:
                test = test_rows(labels, groups, seed)
                if test is not None:
                    found.append(Split(feature, seed, labels, test, groups))
        return found

    def _left_out(self, probed: set[int]) -> list[FeatureReport]:
        dataset = self.source.dataset
        found = [
            left_out(
                dataset.collection,
                feature,
                "its documents cannot be divided into train and test: one group holds nearly all "
                "of a class",
                dataset.labels[:, index],
            )
            for index, feature in enumerate(dataset.features)
            if index not in probed
        ]
        nothing = np.zeros(0, dtype=np.int8)
        return found + [
            left_out(
                dataset.collection,
                Feature(one.name, one.description),
                one.reason,
                nothing,
            )
            for one in dataset.left_out
        ]


def _first_of_each(splits: Sequence[Split]) -> list[int]:
    """The place of each feature's first split: that of the first seed that could divide it."""
    found: dict[int, int] = {}
    for place, split in enumerate(splits):
        found.setdefault(split.feature, place)
    return list(found.values())
