"""Jobs, for people. Stored text is never read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from service.pages.visible import visible_text

if TYPE_CHECKING:
    from storage.job_documents import JobDocument

SHOWN_ID = 10
_STYLES = {"running": "green", "paused": "yellow", "cancelled": "dim", "done": "bold"}


def jobs_view(jobs: Sequence[JobDocument]) -> RenderableType:
    """A line a job."""
    if not jobs:
        return Text("no jobs")
    rows = [_row("id", "state", "done", "failed", "left", "usd", "made", "what")]
    for job in jobs:
        rows.append(
            _row(
                job.id[:SHOWN_ID],
                job.state,
                str(job.items.done),
                str(job.items.failed),
                duration(job.eta_seconds) if job.items.open else "",
                "?" if job.usage.usd is None else f"{job.usage.usd:.2f}",
                job.created[:16].replace("T", " "),
                f"{job.kind} {job.subject}/{job.site}, {job.items.total} units",
                style=_STYLES.get(job.state, ""),
            )
        )
    return Group(*rows)


def job_view(job: JobDocument) -> RenderableType:
    """One job: its state, its units, its failures, its costs."""
    items = job.items
    head = Text(f"{job.id}  {job.kind} {job.subject}/{job.site}  ")
    head.append(job.state, style=_STYLES.get(job.state, ""))
    parts = [head]
    if job.reason:
        parts.append(Text(visible_text(job.reason)))
    if job.state == "running" and not job.workers:
        parts.append(Text("nobody works on it: its process has ended or stands still"))
    named = [(n, count) for n, count in items if count]
    parts.append(Text(f"{items.total} units: " + ", ".join(f"{count} {n}" for n, count in named)))
    if job.eta_seconds is not None:
        parts.append(Text(f"about {duration(job.eta_seconds)} left"))
    if job.verdicts:
        parts.append(_tally("verdicts", job.verdicts))
    if job.failures:
        parts.append(_tally("failures", job.failures))
    parts += [
        Text(f"  {unit.unit}  {unit.code}: {visible_text(unit.message)}", overflow="fold")
        for unit in job.failed_units
    ]
    if items.failed > len(job.failed_units):
        parts.append(Text(f"  and {items.failed - len(job.failed_units)} more"))
    parts.append(Text(_cost(job)))
    parts.append(Text(f"made {job.created}, changed {job.updated}"))
    return Group(*parts)


def duration(seconds: float | None) -> str:
    """``seconds`` in the two largest units that say something; ``?`` when unknown."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _cost(job: JobDocument) -> str:
    usage = job.usage
    usd = "price unknown" if usage.usd is None else f"${usage.usd:.4f}"
    limits = [
        *([] if job.budget_usd is None else [f"${job.budget_usd:g}"]),
        *([] if job.max_calls is None else [f"{job.max_calls} calls"]),
    ]
    return (
        f"{usage.requests} calls, {usage.input_tokens} tokens in, {usage.output_tokens} out, {usd}"
        + (f" (limit {' and '.join(limits)})" if limits else "")
    )


def _tally(name: str, found: dict[str, int]) -> Text:
    ordered = sorted(found.items(), key=lambda pair: -pair[1])
    return Text(f"{name}: " + ", ".join(f"{count} {key}" for key, count in ordered))


def _row(*cells: str, style: str = "") -> Text:
    """One line: what it is about comes last, because it may be long."""
    id, state, done, failed, left, usd, made, what = cells
    line = Text(f"{id:<11}", no_wrap=True, overflow="ellipsis")
    line.append(f"{state:<10}", style=style)
    return line.append(f"{done:>6}{failed:>7}{left:>13}{usd:>9}  {made:<17} {what}")
