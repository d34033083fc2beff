"""Reading units on labelled windows, in parts that fit into memory, and drawing units at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import InvalidSetting
from core.ids import UnitId
from discovery.probing.after.windows import IN, OUT, LabelledWindows
from subjects.memory import in_parts
from subjects.protocol import Subject, resolve

_VALUES_AT_ONCE = 1 << 24  # numbers of one site: 64 MiB in float32
_FILLED = 32  # lengths are rounded up to multiples
_WIDTHS = 8  # what a pass holds besides, in widths of the site

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Labelled tokens of windows, flat: one row a token, in order of windows.

    ``values`` [tokens, units]; ``inside`` [tokens] marks those in the context; ``ids`` and
    ``clusters`` are [tokens].
    """

    values: Floats
    inside: NDArray[np.bool_]
    ids: NDArray[np.int64]
    clusters: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """Every unit of a site on labelled windows.

    ``live`` [width]: not the same value at every token. ``mean_out`` [width] float64: the mean over
    tokens out of the context (over all where none is out).
    """

    live: NDArray[np.bool_]
    mean_out: NDArray[np.float64]


def check(subject: Subject, site: str, units: Sequence[int]) -> None:
    """Raises when a unit does not exist, when one is named twice, or when none is named."""
    if not units:
        raise InvalidSetting(f"no unit of site {site!r} is named", "name at least one")
    if len(set(units)) < len(units):
        raise InvalidSetting(f"a unit of site {site!r} is named twice", "name each once")
    for unit in units:
        resolve(subject, UnitId(subject.spec.name, site, unit))


def batches(
    subject: Subject, windows: LabelledWindows
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(numbers of windows, token IDs [windows, tokens]) of windows that can be read together.

    Where later tokens cannot change earlier ones, windows of nearly one length are filled up to the
    longest of them with any token; elsewhere only windows of exactly one length come together.
    """
    step = _FILLED if subject.spec.family in ("causal", "lstm") else 1
    steps = -(-windows.lengths // step)
    for count in np.unique(steps[steps > 0]):
        rows = np.flatnonzero(steps == count)
        yield rows, np.maximum(windows.ids[rows, : int(windows.lengths[rows].max())], 0)


def parts(
    subject: Subject, sites: Sequence[str], windows: LabelledWindows
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """(numbers of windows, values [windows, tokens, widths]) for all windows, few at a time.

    The units of ``sites`` stand one site after the other. Behind a window's end values mean
    nothing; no token there is labelled. Raises
    :class:`core.errors.SubjectOutOfMemory` when one window alone does not fit.
    """
    width = sum(subject.sites()[site].width for site in sites)

    def read(ids: NDArray[np.int64]) -> torch.Tensor:
        values = subject.activations(subject.batch(ids), sites)
        return torch.cat([values[site] for site in sites], dim=-1)

    for rows, ids in batches(subject, windows):
        at_once = _VALUES_AT_ONCE // (ids.shape[1] * width * _WIDTHS)
        for start, values in in_parts(read, ids, at_once, subject=subject.spec.name):
            yield rows[start : start + len(values)], values


def read_tokens(
    subject: Subject, site: str, units: Sequence[int], windows: LabelledWindows
) -> Tokens:
    """Values of ``units`` at every labelled token; only these are kept in memory."""
    check(subject, site, units)
    kept = np.zeros((*windows.ids.shape, len(units)), dtype=np.float32)
    for rows, values in parts(subject, [site], windows):
        kept[rows, : values.shape[1]] = values[..., list(units)].cpu().numpy()
    labelled = windows.labelled
    clusters = np.broadcast_to(windows.clusters[:, None], labelled.shape)
    return Tokens(
        values=kept[labelled],
        inside=(windows.context == IN)[labelled],
        ids=windows.ids[labelled],
        clusters=clusters[labelled],
    )


def summarise(subject: Subject, site: str, windows: LabelledWindows) -> SiteSummary:
    """Which units of ``site`` vary, and their means out of the context, in one pass."""
    width = subject.sites()[site].width
    lowest, highest = np.full(width, np.inf), np.full(width, -np.inf)
    sums, counts = np.zeros((2, width)), np.zeros(2)
    for rows, values in parts(subject, [site], windows):
        context = torch.as_tensor(windows.context[rows, : values.shape[1]], device=values.device)
        labelled = values[context != 0]
        if not len(labelled):
            continue
        lowest = np.minimum(lowest, labelled.amin(0).cpu().numpy())
        highest = np.maximum(highest, labelled.amax(0).cpu().numpy())
        for which, chosen in enumerate((values[context == OUT], labelled)):
            sums[which] += chosen.sum(0, dtype=torch.float64).cpu().numpy()
            counts[which] += len(chosen)
    which = 0 if counts[0] else 1
    return SiteSummary(highest > lowest, sums[which] / max(counts[which], 1))


def random_units(
    live: NDArray[np.bool_], units: Sequence[int], draws: int, seed: int
) -> NDArray[np.int64] | None:
    """``draws`` sets [draws, len(units)] of other live units; None where there are too few."""
    others = np.setdiff1d(np.flatnonzero(live), units)
    if len(others) < len(units):
        return None
    choose = partial(np.random.default_rng(seed).choice, others, len(units), replace=False)
    return np.stack([choose() for _ in range(draws)])


def single_units(live: NDArray[np.bool_], units: Sequence[int], draws: int, seed: int) -> list[int]:
    """At most ``draws`` other live units, each once."""
    others = np.setdiff1d(np.flatnonzero(live), units)
    drawn: list[int] = np.random.default_rng(seed).permutation(others)[:draws].tolist()
    return drawn


def too_few_units(site: str, count: int) -> str:
    """Why there are no random units to compare with."""
    return f"site {site!r} has fewer than {count} other live units to compare with"
