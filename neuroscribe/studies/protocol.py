"""The protocol sweep: how window, number of excerpts and their strength change what is explained.

Offline, with the pattern explainer from excerpts alone: explanations are written and chosen under
each setting and scored on ``report`` in ``corpus`` mode, so that only the setting differs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from agent.explainers.pattern import PatternExplainer
from core.evidence import Evidence, SplitEvidence
from core.hashing import text_hash
from core.ids import UnitId
from core.results import Finite, Record
from scoring import bootstrap
from scoring.case import case_of
from scoring.comparison import Pair, compare_methods
from scoring.samples import by_name
from scoring.score import scores
from scoring.scorers import SimulationCorrelation
from scoring.simulators import PatternSimulator

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from subjects.index.reader import ActivationIndex

Axis = Literal["window", "excerpts", "strength"]
WINDOWS = (16, 32, 64, 120)
EXCERPTS = (1, 2, 5, 10, 20)
BANDS = ("band .5-.9", "band .9-.99", "band .99-.999", "top")
DEFAULTS: dict[Axis, str] = {"window": "64", "excerpts": "all", "strength": "all"}
TOKENS_A_DOCUMENT = 1024
STRONG = 20


class Setting(Record):
    """One setting of one axis on one subject.

    ``mean`` is over units with a score; ``gain`` is the paired difference to the default over units
    with both, with ``p`` from an exact sign test.
    """

    subject: str
    axis: Axis
    value: str
    units: int
    scored: int
    mean: Finite | None
    low: Finite | None
    high: Finite | None
    gain: Finite | None = None
    gain_low: Finite | None = None
    gain_high: Finite | None = None
    p: Finite | None = None


class Protocol(Record):
    """The whole sweep."""

    seed: int
    settings: list[Setting]
    seconds: Finite


@dataclass(frozen=True, slots=True)
class Place:
    """Sites of a subject to draw units from."""

    subject: str
    sites: tuple[str, ...]
    units: int


def run_protocol(
    workspace: Workspace,
    places: Sequence[Place],
    *,
    corpus: str = "builtin",
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Protocol:
    """Sweep all three axes on every place; ``told`` hears how many explanations are done."""
    began = time.monotonic()
    total = sum(p.units for p in places) * (len(WINDOWS) + len(EXCERPTS) + len(BANDS))
    done = 0
    settings: list[Setting] = []
    for place in places:
        found: dict[tuple[Axis, str], dict[UnitId, float | None]] = {}
        for window in WINDOWS:
            index = _index(workspace, place, corpus, window)
            for unit in units_of(index, place, seed):
                evidence = index.evidence(unit)
                for axis, value, explain in _settings(evidence, window):
                    found.setdefault((axis, value), {})[unit] = explained(evidence, explain, seed)
                    done += 1
                    if told is not None:
                        told(min(done, total), total)
        settings += _summary(place, found, seed)
    return Protocol(seed=seed, settings=settings, seconds=round(time.monotonic() - began, 1))


def units_of(index: ActivationIndex, place: Place, seed: int) -> list[UnitId]:
    """The same units for every window: drawn by a hash from those that are live in this index."""
    named = [
        UnitId(place.subject, site, int(i)) for site in place.sites for i in index.live_units(site)
    ]
    named.sort(key=lambda unit: text_hash("protocol/1", str(seed), str(unit)))
    return named[: place.units]


def _settings(evidence: Evidence, window: int) -> Iterator[tuple[Axis, str, SplitEvidence]]:
    """What is explained from under each setting; those of other axes at the default window."""
    yield "window", str(window), evidence.explain
    if str(window) != DEFAULTS["window"]:
        return
    for count in EXCERPTS:
        yield "excerpts", str(count), evidence.explain.thinned(count)
    for value in BANDS:
        yield "strength", value, of_strength(evidence.explain, value)


def of_strength(explain: SplitEvidence, value: str) -> SplitEvidence:
    """Only excerpts of one strength, twenty at most, and the random ones.

    They stand in their strata as a uniform sample does, but for one, the least that there must be.

    Bands are quantiles of the windows' maxima; one that holds nothing gives the next weaker one.
    """
    if value == "top":
        strong = explain.top_rows
    else:
        held = [explain.band_rows(i) for i in range(len(explain.bands))]
        active = np.union1d(explain.active_rows, explain.top_rows)
        held = [np.intersect1d(rows, active) for rows in held]
        place = min(BANDS.index(value) + 1, len(held) - 1)
        while place > 0 and not len(held[place]):
            place -= 1
        strong = held[place] if held else explain.top_rows
    chosen = by_name(explain, strong)[:STRONG]
    return replace(explain, top_rows=chosen[:1], active_rows=chosen)


def explained(evidence: Evidence, explain: SplitEvidence, seed: int) -> float | None:
    """ρ in ``corpus`` mode of what is said from ``explain``; None where nothing is said."""
    report = evidence.open_report("protocol sweep")
    if not (len(explain.top_rows) and len(evidence.select.top_rows) and len(report.top_rows)):
        return None
    parts = explain.rectified(), evidence.select.rectified()
    proposed = asyncio.run(PatternExplainer().begin(*parts, None, seed).propose())
    if not proposed.candidates:
        return None
    said = proposed.candidates[0]
    case = case_of(
        explanation_id="sweep",
        text=said.text,
        symbols=said.symbols,
        simulator=PatternSimulator(),
        explain=explain.rectified(),
        select=evidence.select.rectified(),
        report=replace(report, others=report.others[..., :0]).rectified(),
    )
    return scores(case, [SimulationCorrelation()], ["corpus"])[0].value


def _index(workspace: Workspace, place: Place, corpus: str, window: int) -> ActivationIndex:
    from neuroscribe.workspace import CorpusChoice

    choice = CorpusChoice(corpus, window=window, per_document=max(1, TOKENS_A_DOCUMENT // window))
    return workspace.index_of(place.subject, list(place.sites), choice)


def _summary(
    place: Place, found: dict[tuple[Axis, str], dict[UnitId, float | None]], seed: int
) -> list[Setting]:
    """Means and paired gains. The default of all axes is the run at the default window."""
    default = found[("window", DEFAULTS["window"])]
    rows: list[Setting] = []
    order: dict[Axis, list[str]] = {
        "window": [str(w) for w in WINDOWS],
        "excerpts": [str(n) for n in EXCERPTS],
        "strength": list(BANDS),
    }
    keys = [(axis, value) for axis, values in order.items() for value in values]
    for axis, value in keys:
        by_unit = found[axis, value]
        values = np.array([v for v in by_unit.values() if v is not None])
        mean = bootstrap.mean(values, seed)
        pairs = [
            Pair(v, default.get(unit), "not scored under both")
            for unit, v in by_unit.items()
            if unit in default
        ]
        paired = compare_methods(pairs, seed=seed)
        same = by_unit is default
        rows.append(
            Setting(
                subject=place.subject,
                axis=axis,
                value=value,
                units=len(by_unit),
                scored=len(values),
                mean=mean.value,
                low=mean.low,
                high=mean.high,
                gain=None if same else paired.gain.value,
                gain_low=None if same else paired.gain.low,
                gain_high=None if same else paired.gain.high,
                p=None if same else paired.p,
            )
        )
    return rows
