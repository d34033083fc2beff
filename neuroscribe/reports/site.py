"""What the stored answers of a whole site come to: :func:`site_report`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from core.errors import MalformedId, NotStored
from core.ids import UnitId
from core.results import Verdict
from core.version import code_version
from neuroscribe.ratings.claims import Target
from neuroscribe.reports.discoveries import discoveries, p_value
from neuroscribe.reports.distributions import distribution
from neuroscribe.reports.documents import (
    Maker,
    SiteReport,
    UnansweredUnit,
    UnitLine,
    VerdictShare,
)
from neuroscribe.reports.figures import MAIN, Unit, headlines
from neuroscribe.reports.reliability import reliability
from scoring.discovery_rate import q_values
from scoring.shares import wilson
from storage import Answer, Store

EXTREMES = 5


def site_of(text: str) -> Target:
    """The site that is meant; raises :class:`MalformedId` for anything else."""
    target = Target.parse(text)
    if target.index is not None:
        raise MalformedId(f"{text!r} names a unit", f"a report is about a site: {target.site_name}")
    return target


def site_report(store: Store, target: Target, *, seed: int) -> SiteReport:
    """Everything about the stored answers of a site; raises :class:`NotStored` without any.

    Each unit counts once, with its newest finished run.
    """
    found = store.site_answers(target.subject, target.site)
    if not found.answers and not found.unanswered:
        raise NotStored(
            f"no unit of {target.site_name!r} was explained yet",
            f"run neuroscribe explain {target.site_name}/UNIT",
        )
    units = [Unit(answer) for answer in found.answers]
    figures = headlines(units)
    ranked = sorted(
        (u for u in units if u.value(MAIN) is not None), key=lambda u: -(u.value(MAIN) or 0.0)
    )
    names = [u.answer.unit for u in ranked]
    return SiteReport(
        site=target.site_name,
        seed=seed,
        code_version=code_version(),
        units=len(units),
        verdicts=_verdicts(found.answers),
        unanswered=[
            UnansweredUnit(unit=u.unit, run=u.run, status=u.status, reason=u.reason)
            for u in found.unanswered
        ],
        makers=_makers(units),
        subject_specs=len({a.spec_hash for a in found.answers}),
        corpora=len({u.explanation.provenance.corpus for u in units if u.explanation}),
        distributions=[distribution(units, figure, seed) for figure in figures],
        discoveries=discoveries(units),
        reliability=reliability(units, figures, seed),
        strongest=_first_half(names),
        weakest=_first_half(names[::-1], rest=len(names) // 2),
        lines=_lines(units),
    )


def _first_half(names: Sequence[UnitId], rest: int | None = None) -> list[UnitId]:
    """At most ``EXTREMES`` units from one end, so that no unit is at both ends."""
    half = len(names) - len(names) // 2 if rest is None else rest
    return list(names[: min(EXTREMES, half)])


def _verdicts(answers: Sequence[Answer]) -> list[VerdictShare]:
    """Every verdict, those of no unit as well."""
    counts = Counter(answer.verdict for answer in answers)
    shares = []
    for verdict in get_args(Verdict):
        share = wilson(counts[verdict], len(answers))
        if share is not None:
            shares.append(
                VerdictShare(
                    verdict=verdict,
                    units=share.count,
                    share=share.value,
                    low=share.low,
                    high=share.high,
                )
            )
    return shares


def _makers(units: Sequence[Unit]) -> list[Maker]:
    found = Counter(
        (
            unit.explanation.method,
            unit.explanation.provenance.model,
            next((score.simulator for score in unit.scores.values()), None),
        )
        for unit in units
        if unit.explanation is not None
    )
    return [
        Maker(method=method, model=model, simulator=simulator, units=count)
        for (method, model, simulator), count in found.most_common()
    ]


def _lines(units: Sequence[Unit]) -> list[UnitLine]:
    """One line a unit, in the order of their numbers."""
    p_values = [p_value(unit) for unit in units]
    adjusted = zip(units, p_values, q_values(p_values), q_values(p_values, "any"), strict=True)
    lines = []
    for unit, p, q, q_any in adjusted:
        score, said = unit.scores.get(MAIN), unit.explanation
        lines.append(
            UnitLine(
                unit=unit.answer.unit,
                verdict=unit.answer.verdict,
                reason=unit.answer.reason,
                run=unit.answer.run,
                explanation=None if said is None else said.id,
                text=None if said is None else said.text,
                value=None if score is None else score.value,
                low=None if score is None else score.low,
                high=None if score is None else score.high,
                null_p95=None if score is None else score.null_p95,
                p=p,
                q=q,
                q_any=q_any,
            )
        )
    return lines
