"""What share of all that a unit says is about the label, on text as it comes.

A balanced set makes a unit look faithful to a rare feature; on running text most of its activation
may be about other things. Shares are given with the sums they are made of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from discovery.probing.after.reading import Tokens, read_tokens, single_units, summarise
from discovery.probing.after.records import Firings, LabelShare, UnitShare
from discovery.probing.after.windows import LabelledWindows
from discovery.probing.results import Measured
from discovery.probing.statistics import Array, ratio_interval, reached
from subjects.protocol import Subject

_DRAWS = 20
_LEVELS = (0.0, 0.1, 0.5)
_UNKNOWN_ALLOWED = 0.05


def label_share(
    subject: Subject,
    site: str,
    units: Sequence[int],
    running: LabelledWindows,
    *,
    levels: Sequence[float] = _LEVELS,
    draws: int = _DRAWS,
    seed: int = 0,
) -> LabelShare:
    """The context's share of each unit's positive activation and of its firings.

    ``running`` is text from :func:`discovery.probing.after.windows.running_windows`, every token of
    it labelled: more than 5 % unknown is a sample, which gets a reason instead of shares. Firings
    are above each of ``levels``, in shares of the unit's highest value.
    """
    total = int(running.lengths.sum())
    if not total or running.unknown > _UNKNOWN_ALLOWED * total:
        return _nothing(site, running, f"{running.unknown} of {total} tokens have no label")
    others = single_units(summarise(subject, site, running).live, units, draws, seed)
    tokens = read_tokens(subject, site, [*units, *others], running)
    shares = [_mass(tokens, c)[2] for c in range(len(units), tokens.values.shape[1])]
    null = np.array([share for share in shares if share is not None])
    _, cluster = np.unique(tokens.clusters, return_inverse=True)
    found = []
    for column, unit in enumerate(units):
        inside, outside, share = _mass(tokens, column)
        positive = np.maximum(tokens.values[:, column].astype(np.float64), 0)
        found.append(
            UnitShare(
                unit=unit,
                sum_in=inside,
                sum_out=outside,
                share=ratio_interval(
                    positive * tokens.inside,
                    positive,
                    cluster,
                    seed,
                    of=running.over,
                    undefined="the unit is never above zero on this text",
                    share=True,
                ),
                firings=_firings(tokens, column, cluster, levels, seed, running.over),
                null_p95=float(np.quantile(null, 0.95)) if len(null) else None,
                p=reached(share, null) if len(null) and share is not None else None,
            )
        )
    inside_all = tokens.inside.astype(np.float64)
    return LabelShare(
        site=site,
        tokens_in=int(tokens.inside.sum()),
        tokens_out=int((~tokens.inside).sum()),
        unknown=running.unknown,
        label_share=ratio_interval(
            inside_all, np.ones(len(inside_all)), cluster, seed, of=running.over, share=True
        ),
        draws=len(null),
        units=tuple(found),
    )


def _mass(tokens: Tokens, column: int) -> tuple[float, float, float | None]:
    """Positive activation in the context, out of it, and the share of the first."""
    positive = np.maximum(tokens.values[:, column].astype(np.float64), 0)
    inside = float(positive[tokens.inside].sum())
    outside = float(positive[~tokens.inside].sum())
    return inside, outside, inside / (inside + outside) if inside + outside > 0 else None


def _firings(
    tokens: Tokens,
    column: int,
    cluster: NDArray[np.int64],
    levels: Sequence[float],
    seed: int,
    of: str,
) -> tuple[Firings, ...]:
    values: Array = tokens.values[:, column].astype(np.float64)
    highest = max(float(values.max()), 0.0)
    found = []
    for level in levels:
        fires = values > level * highest
        found.append(
            Firings(
                threshold=level * highest,
                tokens_in=int((fires & tokens.inside).sum()),
                tokens_out=int((fires & ~tokens.inside).sum()),
                share=ratio_interval(
                    fires & tokens.inside,
                    fires,
                    cluster,
                    seed,
                    of=of,
                    undefined="the unit never fires on this text",
                    share=True,
                ),
            )
        )
    return tuple(found)


def _nothing(site: str, running: LabelledWindows, reason: str) -> LabelShare:
    return LabelShare(
        site=site,
        tokens_in=int((running.context > 0).sum()),
        tokens_out=int((running.context < 0).sum()),
        unknown=running.unknown,
        label_share=Measured(value=None, reason=reason),
        draws=0,
        units=(),
        reason=reason,
    )
