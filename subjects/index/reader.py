"""From a finished index to what is shown and scored: statistics, histograms and evidence.

Activations of kept windows are not stored but recomputed (one forward pass of about a thousand
windows a unit); those of the shared random windows stay in memory for the next unit of the site
while they fit the byte budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import IndexMismatch, IndexMissing, SubjectError, UnknownSite
from core.evidence import (
    SPLITS,
    Band,
    Evidence,
    ExcerptSet,
    Floats,
    Ints,
    Split,
    SplitEvidence,
    UnitStatistics,
)
from core.hashing import text_hash
from core.ids import UnitId
from subjects.index.collect import read_site, read_windows
from subjects.index.contrast import SELECT, with_hard_negatives
from subjects.index.layout import N_BINS, NO_KEY, bin_edges, key_values, key_windows
from subjects.index.manifest import NAME, Manifest
from subjects.index.shard import batch_windows
from subjects.index.state import SiteState
from subjects.index.store import WindowStore
from subjects.memory import in_parts
from subjects.protocol import Subject, resolve

BAND_QUANTILES = (0.5, 0.9, 0.99, 0.999)
NULL_UNITS = 100
PART = 32
_LEAST = float(np.finfo(np.float32).smallest_subnormal)  # the least value that counts as active


@dataclass(slots=True, eq=False, weakref_slot=True)
class ActivationIndex:
    """An opened index with the subject that made it; site files are read when first needed."""

    folder: Path
    manifest: Manifest
    subject: Subject
    windows: WindowStore
    budget_bytes: int = 512 << 20
    _sites: dict[str, SiteState] = field(default_factory=dict)
    _held: dict[tuple[str, int], torch.Tensor] = field(default_factory=dict)
    _asked: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def open(cls, folder: Path, subject: Subject, budget_bytes: int = 512 << 20) -> ActivationIndex:
        """Open a finished index.

        Raises :class:`IndexMissing`, :class:`IndexDamaged`, or :class:`IndexMismatch` when it was
        made with another tokenizer or other weights than ``subject`` has.
        """
        if not (folder / NAME).exists():
            raise IndexMissing(f"there is no index at {str(folder)!r}", "run neuroscribe collect")
        manifest = Manifest.read(folder)
        if manifest.tokenizer != subject.spec.tokenizer:
            raise IndexMismatch(
                f"index {str(folder)!r} was made with another tokenizer than subject "
                f"{subject.spec.name!r} has",
                "run neuroscribe collect to make one for this subject",
            )
        if manifest.spec_hash != subject.spec.hash:
            raise IndexMismatch(
                f"index {str(folder)!r} was made from other weights of {subject.spec.name!r}",
                "run neuroscribe collect to make one for this subject",
            )
        if not manifest.complete:
            raise IndexMissing(
                f"the index at {str(folder)!r} is unfinished",
                "run neuroscribe collect to go on with it",
            )
        return cls(folder, manifest, subject, read_windows(folder, manifest), budget_bytes)

    def site(self, name: str) -> SiteState:
        """One site's state, read from its file and checked against its digest."""
        if name not in self.manifest.sites:
            raise UnknownSite(
                f"the index has no site {name!r}", "sites: " + ", ".join(self.manifest.sites)
            )
        if name not in self._sites:
            self._sites[name] = read_site(self.folder, self.manifest, name)
        return self._sites[name]

    def statistics(self, unit: UnitId) -> UnitStatistics:
        """Moments, extremes and rates of one unit over every token of the corpus."""
        resolve(self.subject, unit)
        state, i = self.site(unit.site), unit.index
        sums = state.sums
        n = sums.count
        variance = max(float(sums.m2[i]) / n, 0.0)
        constant = not bool(self._varies(unit.site)[i])
        return UnitStatistics(
            n_tokens=n,
            mean=float(sums.mean[i]),
            variance=0.0 if constant else variance,
            skewness=None if constant else _finite(float(sums.m3[i]) / n / variance**1.5),
            kurtosis=None if constant else _finite(float(sums.m4[i]) / n / variance**2),
            minimum=float(sums.minimum[i]),
            maximum=float(sums.maximum[i]),
            share_active=float(sums.active[i]) / n,
            documents_active=int(state.documents_active[i]),
            non_negative=not state.signed,
        )

    def histogram(self, unit: UnitId) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Edges [2 * N_BINS + 2] and counts of the unit's non-zero values, negative side first.

        The values are those of every ``histogram_every``-th window (see the manifest's site entry).
        Values beyond the outermost edges, and nearer to zero than the innermost, are in the cells
        beside these.
        """
        resolve(self.subject, unit)
        cells = self.site(unit.site).sums.histogram[unit.index].numpy()
        edges = bin_edges()
        negative = cells[1][::-1] if len(cells) == 2 else np.zeros(N_BINS, np.int64)
        counts = np.concatenate([negative, [0], cells[0]])
        return np.concatenate([-edges[::-1], edges]), counts

    def live_units(self, site: str) -> NDArray[np.int64]:
        """Indices of the site's live units (architecture: live)."""
        state = self.site(site)
        if not state.signed:
            return np.flatnonzero(state.documents_active.numpy() >= 5).astype(np.int64)
        return np.flatnonzero(self._varies(site)).astype(np.int64)

    def _varies(self, site: str) -> NDArray[np.bool_]:
        """Which units are not constant: their spread is more than float32 rounding [units]."""
        sums = self.site(site).sums
        scale = torch.maximum(sums.maximum.abs(), sums.minimum.abs()).double()
        return (sums.m2 / sums.count > (1e-7 * scale) ** 2).numpy()

    def null_units(self, unit: UnitId) -> tuple[int, ...]:
        """At most ``NULL_UNITS`` other live units of the site, drawn by a hash of their names."""
        live = [i for i in self.live_units(unit.site).tolist() if i != unit.index]
        live.sort(key=lambda i: text_hash("neuroscribe/null/1", unit.site, str(i)))
        return tuple(sorted(live[:NULL_UNITS]))

    def bands(self, unit: UnitId, split: int) -> tuple[Band, ...]:
        """The split's windows by quantile of their maximum; empty bands are left out.

        Bands join without gaps and are open at both ends, so every window is in exactly one.
        """
        resolve(self.subject, unit)
        counts = self.site(unit.site).splits[split].maxima[unit.index].numpy()
        total = int(counts.sum())
        if not total:
            return ()
        edges = np.concatenate([[-np.inf, _LEAST], bin_edges()[1:-1], [np.inf]])
        cumulative = np.cumsum(counts)
        cuts = [int(np.searchsorted(cumulative, q * total)) + 1 for q in BAND_QUANTILES]
        bands: list[Band] = []
        start = 0
        for end in [*cuts, len(counts)]:
            mass = int(counts[start:end].sum())
            if mass:
                low, high = float(edges[start]), float(edges[end])
                bands.append(Band(f"band:{len(bands)}", low, high, mass / total))
                start = end
        bands[-1] = replace(bands[-1], high=float("inf"))
        return tuple(bands)

    def evidence(self, unit: UnitId) -> Evidence:
        """Everything drawn for one unit. Nothing of ``report`` enters the other two splits."""
        resolve(self.subject, unit)
        self._asked.add((unit.site, SELECT))  # all units are compared there: hold them at once
        explain, select, report = (
            self._split(unit, s, with_null=SPLITS[s] == "report") for s in range(len(SPLITS))
        )
        report = with_hard_negatives(self, unit, explain, report)
        return Evidence(unit, self.statistics(unit), explain, select, report)

    def strongest(self, site: str, unit: int, split: int) -> Ints:
        """The numbers of a unit's strongest windows in a split, strongest first."""
        return _numbers(self.site(site).splits[split].top[unit])

    def typical_peak(self, unit: UnitId) -> float:
        """The median peak of the unit's strongest ``explain`` windows; 0 where it has none."""
        keys = self.site(unit.site).splits[0].top[unit.index]
        held = key_values(keys[keys != NO_KEY])
        return float(held.median()) if len(held) else 0.0

    def random_parts(self, site: str, split: int, count: int) -> Iterator[torch.Tensor]:
        """All units at ``count`` of a split's random windows, some windows at a time.

        Each part is [windows, tokens, width]; they are the same whether they are held or not.
        Which windows is decided by a hash of their numbers, so that they come from all of the text.
        """
        numbers = np.sort(self.windows.random[split])
        names = [text_hash("neuroscribe/part/1", str(n)) for n in numbers.tolist()]
        chosen = np.sort(np.argsort(np.array(names, dtype=np.uint64), kind="stable")[:count])
        held = self._held.get((site, split))
        width = list(range(self.manifest.sites[site].width))
        for start in range(0, len(chosen), PART):
            part = chosen[start : start + PART]
            yield held[part] if held is not None else self._forward(site, numbers[part], width)

    def _split(self, unit: UnitId, split: int, *, with_null: bool) -> SplitEvidence:
        tables = self.site(unit.site).splits[split]
        top, bottom, active = (
            _numbers(table[unit.index]) for table in (tables.top, tables.bottom, tables.active)
        )
        random = np.sort(self.windows.random[split])
        drawn = np.setdiff1d(np.concatenate([top, bottom, active]), random)
        numbers = np.concatenate([random, drawn])
        others = self.null_units(unit) if with_null else ()
        columns = [unit.index, *others]
        values = np.concatenate(
            [
                self._random_values(unit.site, split, random, columns),
                self.values(unit.site, drawn, columns),
            ]
        )
        order = np.argsort(numbers, kind="stable")
        kinds = ["random" if shared else "active" for shared in np.isin(numbers[order], random)]
        pool = self.excerpts(SPLITS[split], numbers[order], values[order, :, 0], kinds)

        def place(of: Ints) -> Ints:
            return np.searchsorted(pool.windows, of).astype(np.int64)

        return SplitEvidence(
            split=SPLITS[split],
            pool=pool,
            top_rows=place(top),
            bottom_rows=place(bottom),
            active_rows=place(active),
            random_rows=place(random),
            bands=self.bands(unit, split),
            n_windows=self.manifest.n_windows[split],
            n_documents=self.manifest.n_documents[split],
            other_units=others,
            others=np.ascontiguousarray(values[order, :, 1:]),
        )

    def excerpts(
        self, split: Split, numbers: Ints, activations: Floats, kinds: list[str]
    ) -> ExcerptSet:
        """Kept windows ``numbers`` with a unit's ``activations`` [windows, tokens]."""
        rows = self.windows.rows(numbers)
        ids = self.windows.ids[rows].astype(np.int64)
        decode = self.subject.vocabulary.decode
        return ExcerptSet(
            split=split,
            windows=numbers,
            token_ids=ids,
            tokens=[decode(row) for row in ids],
            activations=np.ascontiguousarray(activations),
            documents=[self.windows.documents[int(d)] for d in self.windows.document[rows]],
            offsets=self.windows.offsets[rows],
            kinds=kinds,
        )

    def values(self, site: str, numbers: Ints, units: list[int]) -> Floats:
        """Activations of ``units`` at kept windows ``numbers`` [windows, tokens, units]."""
        return self._forward(site, numbers, units).numpy()

    def values_of(self, site: str, ids: Ints, units: list[int]) -> Floats:
        """Activations of ``units`` on any text ``ids`` [windows, window], as :meth:`values`."""
        return self._run(site, ids, units).numpy()

    def _random_values(self, site: str, split: int, numbers: Ints, units: list[int]) -> Floats:
        """The same at a split's random windows.

        From the second unit of a site on, all of its units are held in memory, within the budget
        and for the sites asked for last; a process that asks about one unit need not.
        """
        width = self.manifest.sites[site].width
        size = len(numbers) * self.manifest.window * width * 4
        held = self._held.pop((site, split), None)
        if held is None and (size > self.budget_bytes or (site, split) not in self._asked):
            self._asked.add((site, split))
            return self.values(site, numbers, units)
        if held is None:
            while self._held and size + sum(t.nbytes for t in self._held.values()) > (
                self.budget_bytes
            ):
                del self._held[next(iter(self._held))]
            held = self._forward(site, numbers, list(range(width)))
        self._held[(site, split)] = held
        return held[..., units].numpy()

    def _forward(self, site: str, numbers: Ints, units: list[int]) -> torch.Tensor:
        ids = self.windows.ids[self.windows.rows(numbers)].astype(np.int64)
        return self._run(site, ids, units)

    def _run(self, site: str, ids: Ints, units: list[int]) -> torch.Tensor:
        info = self.manifest.sites[site].info(site)
        out = torch.empty((len(ids), self.manifest.window, len(units)))
        step = batch_windows([info], self.manifest.window)

        def some(part: Ints) -> torch.Tensor:
            return self.subject.activations(self.subject.batch(part), [site])[site][..., units]

        for start, values in in_parts(some, ids, step, subject=self.subject.spec.name):
            out[start : start + len(values)] = values.cpu()
        if not torch.isfinite(out).all():
            window, _, place = (~torch.isfinite(out)).nonzero()[0].tolist()
            raise SubjectError(
                f"unit {units[place]} of site {site!r} gave a value that is no number (infinite or "
                f"NaN) in excerpt {''.join(self.subject.vocabulary.decode(ids[window]))[:60]!r}",
                "run the model in float32 or bfloat16",
            )
        return out


def _finite(value: float) -> float | None:
    """None where float32 powers of the values overflowed (beyond about 10^9)."""
    return value if math.isfinite(value) else None


def _numbers(keys: torch.Tensor) -> Ints:
    found = key_windows(keys[keys != NO_KEY]).numpy()
    return np.asarray(found, dtype=np.int64)
