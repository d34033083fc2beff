"""ρ by size of subject, and by explainer and simulator, for whatever models are named.

Every unit is asked about as ``neuroscribe explain`` does: answers are stored, so the study resumes
where it was and pays for nothing twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.errors import BudgetReached, InvalidSetting, NeuroscribeError
from core.hashing import text_hash
from core.ids import UnitId
from core.results import Finite, Mode, Record
from neuroscribe.explaining import ExplainRequest, explain_unit
from scoring import bootstrap
from scoring.comparison import Pair, compare_methods

if TYPE_CHECKING:
    from neuroscribe.models import ModelChoice, Spending
    from neuroscribe.workspace import CorpusChoice, Workspace
    from storage import Spent

MODES: tuple[Mode, ...] = ("top_and_random", "corpus")


class Scale(Record):
    """One subject under one choice of models, in one mode.

    ``mean`` is over units with a score, ``gain`` the paired difference to the equal token list.
    ``lost`` counts units without a score by verdict or error.
    """

    subject: str
    parameters: int | None
    explainer: str
    simulator: str
    mode: Mode
    units: int
    scored: int
    mean: Finite | None
    low: Finite | None
    high: Finite | None
    null_p95: Finite | None
    list_equal: Finite | None
    gain: Finite | None
    gain_low: Finite | None
    gain_high: Finite | None
    lost: dict[str, int]


class Scaling(Record):
    """The whole study."""

    seed: int
    rows: list[Scale]
    seconds: Finite


def run_scaling(
    workspace: Workspace,
    subjects: Sequence[str],
    models: ModelChoice,
    *,
    units: int,
    corpus: CorpusChoice,
    spending: Spending,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Scaling:
    """Explain ``units`` live MLP neurons of each subject, all layers alike.

    Raises :class:`core.errors.InvalidSetting` for a subject without MLP neurons, and
    :class:`core.errors.BudgetReached` once everything up to there is stored.
    """
    began = time.monotonic()
    rows: list[Scale] = []
    before = workspace.store().spent()
    done = 0
    for subject in subjects:
        pairs: dict[Mode, list[Pair]] = {mode: [] for mode in MODES}
        nulls: dict[Mode, list[float]] = {mode: [] for mode in MODES}
        for unit in _units(workspace, subject, units, corpus):
            request = ExplainRequest(unit, seed, corpus=corpus, models=models)
            found, reason = {}, "no score"
            try:
                left = _left(spending, before, workspace.store().spent())
                document = explain_unit(workspace, request, spending=left).document
                reason = document.verdict
                first = document.explanations[0].id if document.explanations else None
                found = {
                    s.mode: s
                    for s in document.scores
                    if s.scorer == "simulation" and s.explanation_id == first
                }
            except BudgetReached:
                raise
            except NeuroscribeError as error:
                reason = error.code
            for mode in MODES:
                score = found.get(mode)
                value = None if score is None else score.value
                equal = None if score is None else score.token_list_equal
                pairs[mode].append(Pair(value, equal, reason))
                if score is not None and score.null_p95 is not None:
                    nulls[mode].append(score.null_p95)
            done += 1
            if told is not None:
                told(done, units * len(subjects))
        size = _parameters(workspace, subject)
        rows += [_row(subject, size, models, m, pairs[m], nulls[m], seed) for m in MODES]
    return Scaling(seed=seed, rows=rows, seconds=round(time.monotonic() - began, 1))


def _units(workspace: Workspace, subject: str, count: int, corpus: CorpusChoice) -> list[UnitId]:
    sites = [name for name in workspace.subject(subject).sites() if name.startswith("mlp.")]
    if not sites:
        raise InvalidSetting(f"subject {subject!r} has no MLP neurons", "name a transformer")
    index = workspace.index(subject, sites[0], corpus)
    live = [UnitId(subject, site, int(i)) for site in sites for i in index.live_units(site)]
    live.sort(key=lambda unit: text_hash("scaling/1", str(unit)))
    return live[:count]


def _left(spending: Spending, before: Spent, now: Spent) -> Spending:
    """What is left of the limits, which are those of the whole study, failed calls included."""
    tokens = now.input_tokens + now.output_tokens - before.input_tokens - before.output_tokens
    usd = (now.usd or 0.0) - (before.usd or 0.0)
    return replace(
        spending,
        usd=None if spending.usd is None else max(0.0, spending.usd - usd),
        calls=None if spending.calls is None else max(0, spending.calls - now.calls + before.calls),
        tokens=None if spending.tokens is None else max(0, spending.tokens - tokens),
    )


def _parameters(workspace: Workspace, subject: str) -> int | None:
    model = getattr(workspace.subject(subject), "model", None)
    return None if model is None else sum(p.numel() for p in model.parameters())


def _row(
    subject: str,
    size: int | None,
    models: ModelChoice,
    mode: Mode,
    pairs: Sequence[Pair],
    nulls: Sequence[float],
    seed: int,
) -> Scale:
    values = np.array([p.first for p in pairs if p.first is not None])
    lists = [p.second for p in pairs if p.second is not None]
    mean = bootstrap.mean(values, seed)
    paired = compare_methods(pairs, seed=seed)
    return Scale(
        subject=subject,
        parameters=size,
        explainer=models.explainer,
        simulator=models.simulates,
        mode=mode,
        units=len(pairs),
        scored=len(values),
        mean=mean.value,
        low=mean.low,
        high=mean.high,
        null_p95=float(np.mean(nulls)) if nulls else None,
        list_equal=float(np.mean(lists)) if lists else None,
        gain=paired.gain.value,
        gain_low=paired.gain.low,
        gain_high=paired.gain.high,
        lost=dict(Counter(p.reason or "" for p in pairs if p.first is None)),
    )
