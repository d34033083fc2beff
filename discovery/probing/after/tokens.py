"""What a unit does on one and the same token in the context and out of it.

A context unit often tells tokens apart that look alike: ``return`` in one language and in another
(Gurnee et al. 2023, figure 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from discovery.probing.after.reading import Tokens, read_tokens, single_units, summarise
from discovery.probing.after.records import TokenContexts, TokenMean, UnitTokens
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.results import Measured
from discovery.probing.statistics import Array, Flags, Ints, cluster_sums, figure, ratio, reached
from subjects.protocol import Subject

_DRAWS = 20
_LEAST_TOKENS = 10
_SHOWN = 20
_IN, _IN_SUM, _OUT, _OUT_SUM = range(4)


def token_contexts(
    subject: Subject,
    site: str,
    units: Sequence[int],
    windows: LabelledWindows,
    *,
    least: int = _LEAST_TOKENS,
    shown: int = _SHOWN,
    draws: int = _DRAWS,
    seed: int = 0,
) -> TokenContexts:
    """Mean activation by token of the vocabulary and context, ``shown`` largest differences first.

    Only tokens that occur ``least`` times in the context and out of it are compared; where there
    are none, a reason.
    """
    others = single_units(summarise(subject, site, windows).live, units, draws, seed)
    tokens = read_tokens(subject, site, [*units, *others], windows)
    known, number = np.unique(tokens.ids, return_inverse=True)
    occur = np.stack(
        [np.bincount(number[tokens.inside == side], minlength=len(known)) for side in (True, False)]
    )
    compared = np.flatnonzero((occur >= least).all(0))
    if not len(compared):
        return TokenContexts(
            site=site,
            least=least,
            draws=0,
            units=(),
            reason=f"no token occurs {least} times in the context and out of it",
        )
    means = [
        _differences(tokens, column, number, len(known), occur)[compared]
        for column in range(tokens.values.shape[1])
    ]
    spreads = tokens.values.std(0, dtype=np.float64)
    null = np.array(
        [abs(means[c].mean()) / spreads[c] for c in range(len(units), len(means)) if spreads[c] > 0]
    )
    found = []
    for column, unit in enumerate(units):
        order = compared[np.argsort(-np.abs(means[column]), kind="stable")][:shown]
        overall = _overall(tokens, column, number, compared, float(spreads[column]), seed, windows)
        value = overall.value
        found.append(
            UnitTokens(
                unit=unit,
                compared=len(compared),
                overall=overall,
                null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
                p=reached(abs(value), null) if len(null) and value is not None else None,
                tokens=tuple(
                    _row(subject, tokens, column, number == token, int(known[token]), seed, windows)
                    for token in order.tolist()
                ),
            )
        )
    return TokenContexts(site=site, least=least, draws=len(null), units=tuple(found))


def _differences(tokens: Tokens, column: int, number: Ints, count: int, occur: Ints) -> Array:
    """Mean in less mean out for each known token [count]; 0 where it does not occur in both."""
    values = tokens.values[:, column].astype(np.float64)
    means = []
    for side, times in zip((True, False), occur, strict=True):
        here = tokens.inside == side
        sums = np.bincount(number[here], values[here], minlength=count)
        means.append(sums / np.maximum(times, 1))
    return np.asarray(means[0] - means[1])


def _overall(
    tokens: Tokens,
    column: int,
    number: Ints,
    compared: Ints,
    spread: float,
    seed: int,
    windows: LabelledWindows,
) -> Measured:
    """Difference in the unit's standard deviations, mean over compared tokens.

    Each occurrence counts one over the occurrences of its token on its side; an interval keeps
    these weights, so that it is a ratio of sums by cluster.
    """
    if spread <= 0:
        return Measured(value=None, reason="the unit has the same value everywhere")
    here = np.isin(number, compared)
    sums = np.zeros((int(here.sum()), 4))
    inside, which = tokens.inside[here], number[here]
    values = tokens.values[here, column].astype(np.float64) / spread
    for side, first in ((True, _IN), (False, _OUT)):
        mine = inside == side
        weight = 1 / np.bincount(which[mine], minlength=int(number.max()) + 1)[which[mine]]
        sums[mine, first], sums[mine, first + 1] = weight, weight * values[mine]
    return _between(sums, tokens.clusters[here], seed, windows.over)


def _between(columns: Array, clusters: Ints, seed: int, of: str) -> Measured:
    """Mean in less mean out of rows [rows, 4], with an interval over clusters."""
    _, cluster = np.unique(clusters, return_inverse=True)
    sums = cluster_sums(columns, cluster, int(cluster.max()) + 1)
    return figure(
        sums,
        lambda s: s[..., _IN_SUM] / s[..., _IN] - s[..., _OUT_SUM] / s[..., _OUT],
        seed,
        rests_on=(_IN, _OUT),
        of=of,
    )


def _row(
    subject: Subject,
    tokens: Tokens,
    column: int,
    here: Flags,
    token: int,
    seed: int,
    windows: LabelledWindows,
) -> TokenMean:
    inside, clusters = tokens.inside[here], tokens.clusters[here]
    values = tokens.values[here, column].astype(np.float64)
    columns = np.stack([inside, inside * values, ~inside, ~inside * values], axis=1)
    _, cluster = np.unique(clusters, return_inverse=True)
    sums = cluster_sums(columns, cluster, int(cluster.max()) + 1)
    means = [
        figure(sums[:, [first + 1, first]], ratio, seed, rests_on=(1,), of=windows.over)
        for first in (_IN, _OUT)
    ]
    return TokenMean(
        token_id=token,
        token=subject.vocabulary.strings[token],
        tokens_in=int(inside.sum()),
        tokens_out=int((~inside).sum()),
        clusters_in=int(np.count_nonzero(sums[:, _IN])),
        clusters_out=int(np.count_nonzero(sums[:, _OUT])),
        mean_in=means[0],
        mean_out=means[1],
        difference=_between(columns, clusters, seed, windows.over),
    )
