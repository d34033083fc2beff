"""The tool that sets two units side by side."""

from __future__ import annotations

import numpy as np

from agent.chat.tools import ChatTool, Data
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Record
from neuroscribe.chatting.desk import Desk
from neuroscribe.chatting.told import told_document
from neuroscribe.chatting.units import UnitName


class Pair(Record):
    """Two units."""

    first: UnitName
    second: UnitName


def pair_tools(desk: Desk) -> list[ChatTool]:
    """``compare_units``."""
    return [
        ChatTool(
            "compare_units",
            "Two units side by side: what is stored of each, and how their activations go "
            "together on random text of one subject.",
            Pair,
            lambda given: _compare(desk, given),
        )
    ]


def _compare(desk: Desk, given: Pair) -> Data:
    together, reason = _together(desk, given.first, given.second)
    return {
        "first": _known(desk, given.first),
        "second": _known(desk, given.second),
        "together": together,
        "reason": reason,
        "cite": f"[measurement {fingerprint(['pair', str(given.first), str(given.second)])}]",
    }


def _known(desk: Desk, unit: UnitId) -> Data:
    found = desk.known(unit)
    if found is None:
        return {"unit": str(unit), "verdict": None, "hint": f"{unit} was not explained yet."}
    return told_document(found)


def _together(desk: Desk, first: UnitId, second: UnitId) -> tuple[Data | None, str]:
    """ρ of two units over random windows of ``explain``, with the same of other units beside it."""
    if first.subject != second.subject:
        return None, "they are units of different subjects"
    index, other = desk.index(first), desk.index(second)
    if index is None or other is None:
        return None, "activations were not collected yet"
    from scoring.intervals import Design
    from scoring.measured import estimate
    from scoring.statistics import excerpt_sums, measured, null_correlations

    explain = index.evidence(first).explain
    rows = explain.random_rows
    drawn = explain.pool.take(rows)
    a = drawn.activations.astype(np.float64)
    b = other.values_of(second.site, drawn.token_ids, [second.index])[..., 0].astype(np.float64)
    weights, known = np.ones(len(rows)), np.ones(a.shape, dtype=np.bool_)
    found = estimate(
        measured("correlation", excerpt_sums(b, a, known), weights),
        "correlation",
        Design.equal(len(rows)),
    )
    if found.value is None:
        return None, found.reason or "it is not defined"
    others = [unit for unit in index.null_units(first) if unit != second.index]
    null = null_correlations(
        b, index.values_of(first.site, drawn.token_ids, others), weights, known
    )
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n_excerpts": len(rows),
        "n_tokens": int(a.size),
        "null_mean": float(null.mean()) if len(null) else None,
        "null_p95": float(np.quantile(null, 0.95)) if len(null) else None,
    }, ""
