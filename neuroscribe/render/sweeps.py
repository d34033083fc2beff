"""Plans, progress and results of sweeps, for people. Stored text is never read as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from neuroscribe.render.jobs import duration, job_view
from service.pages.visible import visible_text

if TYPE_CHECKING:
    from agent.sweep import SweepProgress
    from neuroscribe.reports.documents import Mean
    from neuroscribe.sweeping import SweepPlan
    from neuroscribe.sweeps.estimate import Range
    from neuroscribe.sweeps.summary import SweepDocument, SweepSummary


def plan_view(plan: SweepPlan) -> RenderableType:
    """Which units, and what they may cost."""
    found = plan.estimate
    said = f"{plan.site}: {plan.units} units"
    if plan.live is None:
        said += f" of {plan.width}; how many are live is known once activations are collected"
    elif plan.dead:
        said += f"; {plan.dead} of {plan.width} are dead and left out"
    lines = [said]
    if found.answered:
        lines.append(f"{found.answered} are answered already and cost nothing")
    if found.units and found.reason is not None and found.seconds is None:
        known = "" if found.calls is None else "no calls; "
        lines.append(f"{known}cost and time unknown: {found.reason}")
        return Group(*(Text(line) for line in lines))
    where = {"site": "this site", "subject": "other sites"}.get(found.basis or "", "")
    parts = [
        f"{_range(found.calls, '{:,.0f}')} calls",
        f"{_range(found.tokens, '{:,.0f}')} tokens",
        "price unknown" if found.usd is None else _range(found.usd, "${:.4g}"),
    ]
    free = found.calls is not None and found.calls.high == 0
    lines.append("no calls" if free else ", ".join(parts))
    if found.seconds is not None and found.units:
        lines.append(_range_of_time(found.seconds))
    if found.runs and found.units:
        lines.append(f"judged by {found.runs} units of {where}")
    return Group(*(Text(line) for line in lines))


def progress_line(told: SweepProgress) -> str:
    """One line on how a sweep gets on."""
    total = told.done + told.failed + told.running + told.queued
    parts = [f"{told.done + told.failed} of {total} units"]
    if told.failed:
        parts.append(f"{told.failed} failed")
    if told.spent is not None and told.spent.calls:
        parts.append(spent_so_far(told))
    if told.rate:
        parts.append(f"{60 * told.rate:.1f} a minute")
    if told.eta_seconds is not None and total > told.done + told.failed:
        parts.append(f"about {duration(told.eta_seconds)} left")
    return ", ".join(parts)


def spent_so_far(told: SweepProgress) -> str:
    """Calls and dollars."""
    if told.spent is None or not told.spent.calls:
        return ""
    usd = "price unknown" if told.spent.usd is None else f"${told.spent.usd:.4f}"
    return f"{told.spent.calls} calls, {usd}"


def sweep_view(document: SweepDocument) -> RenderableType:
    """The job, and what came of it."""
    return Group(job_view(document), _summary(document.summary))


def _summary(found: SweepSummary) -> RenderableType:
    lines: list[str] = []
    if found.dead:
        lines.append(f"{found.dead} dead units of the site were left out")
    scores = found.scores
    if scores.mean.n:
        lines += [
            f"ρ on the whole corpus, {scores.mean.n} units: mean {_mean(scores.mean)}, "
            f"median {_mean(scores.median)}",
            f"  null's 95th percentile, mean {_mean(scores.null_p95)}; "
            f"{scores.above_null} units above their own",
        ]
        if (q := scores.quartiles) is not None:
            told = (q.least, q.first, q.median, q.third, q.most)
            lines.append("  quartiles " + " · ".join(f"{value:.3f}" for value in told))
    lines += [
        f"{kind.units} failed with {kind.code}, such as {kind.unit}: {visible_text(kind.message)}"
        for kind in found.failures
    ]
    if dear := [cost for cost in found.dearest if cost.calls]:
        lines.append("dearest units")
        for cost in dear:
            usd = "price unknown" if cost.usd is None else f"${cost.usd:.4f}"
            lines.append(
                f"  {cost.unit}  {cost.calls} calls, "
                f"{cost.input_tokens + cost.output_tokens} tokens, {usd}"
            )
    return Group(*(Text(line, overflow="fold") for line in lines))


def _mean(found: Mean) -> str:
    if found.value is None:
        return "none"
    if found.low is None or found.high is None:
        return f"{found.value:.3f} ({found.reason})"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _range(found: Range | None, form: str) -> str:
    if found is None:
        return "unknown"
    said = "about " + form.format(found.value)
    if found.low is None or found.high is None or found.high == found.low:
        return said
    return f"{said} ({form.format(found.low)} to {form.format(found.high)})"


def _range_of_time(found: Range) -> str:
    if found.low is None or found.high is None:
        return f"about {duration(found.value)}"
    return f"{duration(found.low)} to {duration(found.high)}"
