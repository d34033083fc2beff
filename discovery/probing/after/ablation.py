"""What a model loses without the units: next-token loss in the context and out of it.

Methods after Gurnee et al. 2023, section 5.2. The loss of the token after position t counts as "in
the context" when the token at t is. Units are set to zero and, separately, to their mean over
tokens out of the context, which takes away what they say about it and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UnsupportedOperation
from discovery.probing.after.reading import batches, check, random_units, summarise, too_few_units
from discovery.probing.after.records import Ablation, RandomRises, Rise
from discovery.probing.after.windows import IN, OUT, LabelledWindows
from discovery.probing.results import Measured
from discovery.probing.statistics import Array, cluster_sums, figure, ratio, reached
from subjects.memory import in_parts
from subjects.protocol import Edit, Subject

_LOGITS_AT_ONCE = 1 << 25  # numbers: 128 MiB in float32
_DRAWS = 20
_TIMES = 3.0
_COUNT, _PLAIN, _EDITED = 0, 1, 2
_IN, _OUT = 0, 3  # first of three columns: tokens, loss, loss under the edit

Kind = Literal["zero", "mean"]
KINDS: tuple[Kind, ...] = ("zero", "mean")


def ablate(
    subject: Subject,
    site: str,
    units: Sequence[int],
    windows: LabelledWindows,
    *,
    draws: int = _DRAWS,
    times: float = _TIMES,
    seed: int = 0,
) -> Ablation:
    """Loss rises in and out of the context when ``units`` of ``site`` are edited together.

    ``draws`` sets of as many random live units of the site are edited in the same two ways. A
    subject without next-token logits (masked, planted) gets a reason instead of figures. Raises
    :class:`core.errors.UnitOutOfRange` and the like for units that do not exist.
    """
    check(subject, site, units)
    if subject.spec.family == "masked":
        return _nothing(site, units, f"{subject.spec.name!r} is masked: it predicts no next token")
    losses = _Losses(subject, windows)
    counts = losses.columns(np.zeros(windows.ids.shape), np.zeros(windows.ids.shape))
    reason = _too_little(counts)
    if reason is not None:
        return _nothing(site, units, reason)
    try:
        plain = losses.measure()
    except UnsupportedOperation as error:
        return _nothing(site, units, error.message)
    summary = summarise(subject, site, windows)
    sets = random_units(summary.live, units, draws, seed)
    rises = []
    for kind in KINDS:
        edited = losses.columns(plain, losses.measure(_edit(site, units, kind, summary.mean_out)))
        null = None
        if sets is not None:
            others = [
                losses.columns(plain, losses.measure(_edit(site, one, kind, summary.mean_out)))
                for one in sets.tolist()
            ]
            null = _null(edited, others, times)
        missing = None if sets is not None else too_few_units(site, len(units))
        rises.append(_rise(kind, edited, null, missing, times, seed, windows.over))
    base = losses.columns(plain, plain)
    return Ablation(
        site=site,
        units=tuple(units),
        tokens_in=int(base[:, _IN].sum()),
        tokens_out=int(base[:, _OUT].sum()),
        clusters_in=int(np.count_nonzero(base[:, _IN])),
        clusters_out=int(np.count_nonzero(base[:, _OUT])),
        loss_in=_mean(base, _IN, seed, windows.over),
        loss_out=_mean(base, _OUT, seed, windows.over),
        rises=tuple(rises),
    )


def next_token_loss(
    subject: Subject, ids: NDArray[np.int64], edits: Sequence[Edit] = ()
) -> NDArray[np.float32]:
    """Loss (nats) of token t + 1 at position t of windows of one length [n, tokens - 1].

    Few windows at a time, as many as the vocabulary leaves room for. Raises
    :class:`core.errors.UnsupportedOperation` where the subject has no logits.
    """
    found = np.zeros((len(ids), max(ids.shape[1] - 1, 0)), dtype=np.float32)
    if ids.shape[1] < 2:
        return found

    def run(part: NDArray[np.int64]) -> torch.Tensor:
        logits = subject.logits(subject.batch(part), edits)[:, :-1]
        targets = torch.as_tensor(part[:, 1:, None], device=logits.device)
        return logits.logsumexp(-1) - logits.gather(-1, targets)[..., 0]

    at_once = _LOGITS_AT_ONCE // (len(subject.vocabulary.strings) * ids.shape[1])
    for start, losses in in_parts(run, ids, at_once, subject=subject.spec.name):
        found[start : start + len(losses)] = losses.cpu().numpy()
    return found


@dataclass(frozen=True, slots=True)
class _Losses:
    """Losses on windows that do not change, and their sums by cluster."""

    subject: Subject
    windows: LabelledWindows

    def measure(self, *edits: Edit) -> Array:
        """Loss at each position [windows, longest]; no meaning where there is no next token."""
        found = np.zeros(self.windows.ids.shape)
        for rows, ids in batches(self.subject, self.windows):
            found[rows, : ids.shape[1] - 1] = next_token_loss(self.subject, ids, edits)
        return found

    def columns(self, plain: Array, edited: Array) -> Array:
        """[clusters, 6]: tokens, loss and edited loss in the context, the same out of it."""
        windows = self.windows
        position = np.arange(windows.ids.shape[1])
        followed = position[None] < windows.lengths[:, None] - 1
        columns = []
        for side in (IN, OUT):
            where = (windows.context == side) & followed
            columns += [np.where(where, v, 0.0).sum(1) for v in (1.0, plain, edited)]
        _, cluster = np.unique(windows.clusters, return_inverse=True)
        count = int(cluster.max()) + 1 if len(cluster) else 0
        return cluster_sums(np.stack(columns, axis=1), cluster, count)


def _edit(site: str, units: Sequence[int], kind: Kind, means: Array) -> Edit:
    value = means[list(units)].astype(np.float32) if kind == "mean" else None
    return Edit(site=site, kind=kind, units=list(units), value=value)


def _rises(sums: Array) -> tuple[Array, Array]:
    """Mean rise in nats in and out of the context, of summed columns [..., 6]."""
    found = [
        (sums[..., side + _EDITED] - sums[..., side + _PLAIN]) / sums[..., side + _COUNT]
        for side in (_IN, _OUT)
    ]
    return np.asarray(found[0]), np.asarray(found[1])


def _ratio(sums: Array) -> Array:
    return ratio(np.stack(_rises(sums), axis=-1))


def _rise(
    kind: Kind,
    sums: Array,
    null: RandomRises | None,
    null_reason: str | None,
    times: float,
    seed: int,
    of: str,
) -> Rise:
    def relative(side: int) -> Measured:
        def compute(summed: Array) -> Array:
            over = summed[..., side + _PLAIN]
            return np.asarray(
                (summed[..., side + _EDITED] - over) / np.where(over > 0, over, np.nan)
            )

        return figure(sums, compute, seed, rests_on=(side,), of=of, undefined="the loss is zero")

    both = (_IN, _OUT)
    return Rise(
        edit=kind,
        in_nats=figure(sums, lambda s: _rises(s)[0], seed, rests_on=(_IN,), of=of),
        out_nats=figure(sums, lambda s: _rises(s)[1], seed, rests_on=(_OUT,), of=of),
        in_relative=relative(_IN),
        out_relative=relative(_OUT),
        ratio=figure(
            sums,
            _ratio,
            seed,
            rests_on=both,
            of=of,
            undefined="loss out of the context does not rise: see the margin",
        ),
        times=times,
        margin=figure(
            sums, lambda s: _rises(s)[0] - times * _rises(s)[1], seed, rests_on=both, of=of
        ),
        null=null,
        null_reason=null_reason,
    )


def _null(edited: Array, others: Sequence[Array], times: float) -> RandomRises:
    rise_in, rise_out = (float(rise) for rise in _rises(edited.sum(0)))
    found = [_rises(other.sum(0)) for other in others]
    inside = np.array([float(one) for one, _ in found])
    outside = np.array([float(other) for _, other in found])
    some = outside > 0
    as_many_times = (inside > 0) & (inside * rise_out >= rise_in * outside)
    return RandomRises(
        draws=len(others),
        rises_in=tuple(inside.tolist()),
        rises_out=tuple(outside.tolist()),
        ratios=tuple((inside[some] / outside[some]).tolist()),
        p_rise=reached(rise_in, inside),
        p_ratio=reached(1.0, as_many_times.astype(np.float64)) if rise_out > 0 else None,
        p_margin=reached(rise_in - times * rise_out, inside - times * outside),
    )


def _mean(sums: Array, side: int, seed: int, of: str) -> Measured:
    columns = sums[:, [side + _PLAIN, side + _COUNT]]
    return figure(columns, ratio, seed, rests_on=(1,), of=of)


def _too_little(counts: Array) -> str | None:
    for side, name in ((_IN, "in"), (_OUT, "out of")):
        if not len(counts) or not counts[:, side].any():
            return f"no token {name} the context has a token after it"
    return None


def _nothing(site: str, units: Sequence[int], reason: str) -> Ablation:
    none = Measured(value=None, reason=reason)
    return Ablation(
        site=site,
        units=tuple(units),
        tokens_in=0,
        tokens_out=0,
        clusters_in=0,
        clusters_out=0,
        loss_in=none,
        loss_out=none,
        rises=(),
        reason=reason,
    )
