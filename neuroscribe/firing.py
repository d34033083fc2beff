"""Units that fire on a text, by how unusual that is for each of them.

Activations of different units cannot be compared, so a unit's peak on the text is set against its
own peaks on the corpus: the share of windows of the ``explain`` split in which it fires as high.
Ties, most of them among the rarest, are broken by the ratio to its typical peak.

Of thousands of units some are unusually high on any text. How many is measured: random windows of
the index, cut to the lengths of the text's windows, are run and counted in the same way. They are
those of the ``select`` split: documents of which no window is among the peaks that they are set
against, as none of the text is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import IndexMissing, InvalidSetting, UnknownSite
from core.ids import UnitId, site_kind
from neuroscribe.serving.texts import windows_of
from service.bodies import LONGEST_TEXT
from service.documents import FiringFound, FiringNull, FiringUnit
from subjects.index.layout import N_BINS, NO_KEY, key_values, magnitude_bins
from subjects.index.shard import batch_windows
from subjects.memory import in_parts

if TYPE_CHECKING:
    from storage import Store
    from subjects.index.reader import ActivationIndex
    from subjects.protocol import SiteInfo, Subject

UNUSUAL = 0.01
"""A unit counts as unusually high where at most this share of windows has a peak as high."""
NULL_WINDOWS = 256
EXPLAIN, SELECT = 0, 1

IndexOf = Callable[[str], "ActivationIndex | None"]
Windows = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Own:
    """What is known of a site's units: each unit's peaks on the corpus.

    ``tail`` [units, bins + 1] is the share of windows whose peak is in this bin or above, one more
    counted in (the text that is asked about), so that it is never 0;
    ``typical`` [units] the median of the strongest peaks (0 without any), ``live`` [units];
    ``windows`` are so many.
    """

    windows: int
    tail: Tensor
    typical: Tensor
    live: Tensor

    @classmethod
    def of(cls, index: ActivationIndex, site: str) -> Own:
        """From the index, of the ``explain`` split alone."""
        tables = index.site(site).splits[EXPLAIN]
        counts = tables.maxima.double()
        tail = (1 + counts.flip(1).cumsum(1).flip(1)) / (1 + counts.sum(1, keepdim=True))
        held = torch.where(tables.top == NO_KEY, torch.nan, key_values(tables.top))
        live = torch.zeros(len(counts), dtype=torch.bool)
        live[torch.from_numpy(index.live_units(site))] = True
        return cls(int(counts[0].sum()), tail, held.nanmedian(dim=1).values.nan_to_num(0.0), live)

    def shares(self, peaks: Tensor) -> Tensor:
        """Share of windows that peak as high as ``peaks`` [..., units]; 1 where it is silent."""
        cells = torch.where(peaks > 0, magnitude_bins(peaks).long() + 1, 0).clamp(0, N_BINS)
        places = cells.reshape(-1, cells.shape[-1]).T
        found = self.tail.gather(1, places).T.reshape(peaks.shape)
        return torch.where(self.live & (peaks > 0), found, 1.0)


def fires_on(
    subject: Subject,
    text: str,
    index_of: IndexOf,
    store: Store,
    *,
    site: str | None = None,
    limit: int = 20,
) -> FiringFound:
    """Units of ``subject`` that are unusually high on ``text``, the most unusual first.

    ``index_of`` gives the index that holds a site, None where it was not collected: such sites are
    named and left out. Raises :class:`UnknownSite`, :class:`InvalidSetting` for a text that is too
    long or has no token, and :class:`IndexMissing` when no site was collected.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidSetting(
            f"the text has {len(text):,} characters", f"give at most {LONGEST_TEXT:,}"
        )
    text = text.encode("utf-8", "replace").decode("utf-8")
    indexes, missing = _indexes(subject, site, index_of)
    one = next(iter(indexes.values()))
    windows = windows_of(subject, text, one.manifest.window)
    infos = [subject.sites()[name] for name in indexes]
    own = {name: Own.of(index, name) for name, index in indexes.items()}
    peaks, places = _highest(subject, infos, windows)
    random = _on_random_text(subject, one, infos, windows)
    too_few = _too_few(own)
    above = None if too_few else int(_unusual(own, peaks))
    tokens = [token for window in windows for token in subject.vocabulary.decode(window)]
    return FiringFound(
        subject=subject.spec.name,
        corpus=one.manifest.corpus,
        tokens=tokens,
        windows=len(windows),
        units=_units(subject.spec.name, own, peaks, places, random, tokens, store, limit),
        ranked=sum(int(known.live.sum()) for known in own.values()),
        sites=list(indexes),
        not_collected=missing,
        unusual=UNUSUAL,
        above=above,
        null=None if above is None or random is None else _null(own, random, above),
        reason=too_few or (None if random is not None else "too little random text of this length"),
    )


def _indexes(
    subject: Subject, site: str | None, index_of: IndexOf
) -> tuple[dict[str, ActivationIndex], list[str]]:
    """The index of each site that was collected, and the sites that were not."""
    sites = subject.sites()
    if site is not None and site not in sites:
        raise UnknownSite(
            f"subject {subject.spec.name!r} has no site {site!r}", "sites: " + ", ".join(sites)
        )
    wanted = list(sites) if site is None else [site]
    by_kind = {kind: index_of(kind_site) for kind, kind_site in _one_a_kind(wanted).items()}
    found = {name: index for name in wanted if (index := by_kind[site_kind(name)]) is not None}
    if not found:
        what = subject.spec.name if site is None else f"{subject.spec.name}/{site}"
        raise IndexMissing(
            f"no site of {what!r} was collected yet, so nothing is known of its units",
            "collect it first: neuroscribe collect",
        )
    return found, [name for name in wanted if name not in found]


def _one_a_kind(sites: Sequence[str]) -> dict[str, str]:
    """A site of each kind: those of one kind are collected together."""
    return {site_kind(name): name for name in reversed(sites)}


def _highest(
    subject: Subject, infos: Sequence[SiteInfo], windows: Windows
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Each unit's peak on the text, and the token at which it stands, by site: [units] each."""
    values: list[Tensor] = []
    places: list[Tensor] = []
    start = 0
    for group in _of_one_length(windows):
        found = _peaks(subject, infos, np.array(group, dtype=np.int64), with_places=True)
        first = start + torch.arange(len(group))[:, None] * len(group[0])
        values.append(found[:, 0])
        places.append(found[:, 1] + first)
        start += len(group) * len(group[0])
    best = torch.cat(values).max(dim=0)
    at = torch.cat(places).gather(0, best.indices[None])[0].long()
    return _by_site(infos, best.values), _by_site(infos, at)


def _of_one_length(windows: Windows) -> list[Windows]:
    """The windows of full length, and the last one where it is shorter."""
    full = [window for window in windows if len(window) == len(windows[0])]
    return [part for part in (full, windows[len(full) :]) if part]


def _peaks(
    subject: Subject, infos: Sequence[SiteInfo], ids: NDArray[np.int64], *, with_places: bool
) -> Tensor:
    """The highest value of every unit in each window, and where: [windows, 1 or 2, units]."""
    names = [info.name for info in infos]

    def run(part: NDArray[np.int64]) -> Tensor:
        values = subject.activations(subject.batch(part), names)
        best = [values[name].max(dim=1) for name in names]
        high = torch.cat([found.values for found in best], dim=1)
        if not with_places:
            return high[:, None].cpu()
        at = torch.cat([found.indices for found in best], dim=1)
        return torch.stack([high, at.to(high.dtype)], dim=1).cpu()

    step = batch_windows(list(infos), ids.shape[1])
    parts = in_parts(run, ids, step, subject=subject.spec.name)
    return torch.cat([values for _, values in parts])


def _by_site(infos: Sequence[SiteInfo], values: Tensor) -> dict[str, Tensor]:
    """Values [..., units of all sites] cut into those of each."""
    found = {}
    start = 0
    for info in infos:
        found[info.name] = values[..., start : start + info.width]
        start += info.width
    return found


def _on_random_text(
    subject: Subject, index: ActivationIndex, infos: Sequence[SiteInfo], windows: Windows
) -> dict[str, Tensor] | None:
    """Each unit's peaks on random text cut like ``windows``, by site: [draws, units].

    The text is of the ``select`` split. None where it has less than one draw takes.
    """
    random = index.windows.random[SELECT][:NULL_WINDOWS]
    draws = len(random) // len(windows)
    if not draws:
        return None
    numbers = random[: draws * len(windows)].reshape(draws, len(windows))
    highest: list[Tensor] = []
    start = 0
    for group in _of_one_length(windows):
        rows = index.windows.rows(numbers[:, start : start + len(group)].reshape(-1))
        ids = index.windows.ids[rows, : len(group[0])].astype(np.int64)
        found = _peaks(subject, infos, ids, with_places=False)
        highest.append(found.reshape(draws, len(group), -1).amax(dim=1))
        start += len(group)
    return _by_site(infos, torch.stack(highest).amax(dim=0))


def _too_few(own: Mapping[str, Own]) -> str | None:
    """Why no unit can be unusually high: the least share that so few windows allow is above it."""
    fewest = min(known.windows for known in own.values())
    if 1 / (1 + fewest) <= UNUSUAL:
        return None
    needed = round(1 / UNUSUAL) - 1
    return f"a share of {100 * UNUSUAL:g} % takes {needed} windows, and the index has {fewest}"


def _unusual(own: Mapping[str, Own], peaks: Mapping[str, Tensor]) -> Tensor:
    """How many units are unusually high at ``peaks`` [..., units] of each site: [...]."""
    counts = [(own[name].shares(peaks[name]) <= UNUSUAL).sum(dim=-1) for name in own]
    return torch.stack(counts).sum(dim=0)


def _null(own: Mapping[str, Own], random: Mapping[str, Tensor], above: int) -> FiringNull:
    """How many units are as unusual on random text."""
    counts = _unusual(own, random).numpy()
    return FiringNull(
        draws=len(counts),
        mean=float(counts.mean()),
        p95=float(np.quantile(counts, 0.95)),
        p=float((1 + (counts >= above).sum()) / (1 + len(counts))),
        smallest_p=1 / (1 + len(counts)),
    )


def _as_high(random: Tensor, peak: float) -> float:
    """The share of draws [draws], and of the text itself, on which a unit is as high."""
    return (1 + int((random >= peak).sum())) / (1 + len(random))


def _units(
    subject: str,
    own: Mapping[str, Own],
    peaks: Mapping[str, Tensor],
    places: Mapping[str, Tensor],
    random: Mapping[str, Tensor] | None,
    tokens: Sequence[str],
    store: Store,
    limit: int,
) -> list[FiringUnit]:
    """The ``limit`` most unusual units, with what is stored of them."""
    names = list(own)
    share = torch.cat([own[name].shares(peaks[name]) for name in names]).numpy()
    peak = torch.cat([peaks[name] for name in names]).double().numpy()
    typical = torch.cat([own[name].typical for name in names]).double().numpy()
    ratio = np.divide(peak, typical, out=np.zeros_like(peak), where=typical > 0)
    units = [(name, i) for name in names for i in range(len(own[name].live))]
    order = np.lexsort((-ratio, share))
    shown = [row for row in order[:limit].tolist() if share[row] < 1.0]
    said = store.documents.lines_of(UnitId(subject, *units[row]) for row in shown)
    found: list[FiringUnit] = []
    for row in shown:
        site, index = units[row]
        place = int(places[site][index])
        known = said.get(UnitId(subject, site, index))
        found.append(
            FiringUnit(
                unit=UnitId(subject, site, index),
                value=float(peak[row]),
                token=tokens[place],
                position=place,
                share=float(share[row]),
                random_share=None
                if random is None
                else _as_high(random[site][:, index], peak[row]),
                typical_peak=float(typical[row]) if typical[row] > 0 else None,
                ratio=float(ratio[row]) if typical[row] > 0 else None,
                verdict=None if known is None else known.verdict,
                text=None if known is None else known.text,
            )
        )
    return found
