"""``neuroscribe explain UNIT``, and ``--finding ID`` for the units of a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import MisuseError
from core.ids import UnitId
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json

if TYPE_CHECKING:
    from core.results import Step
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending
    from neuroscribe.workspace import Workspace

TOP = 3


def explain(
    unit: Annotated[
        str | None,
        typer.Argument(
            metavar="UNIT",
            show_default=False,
            help="Which unit: subject/site/index, e.g. demo/mlp.2/117. None with --finding.",
        ),
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            "--finding",
            metavar="ID",
            help="Explain the units of a stored finding, withholding what they were found by, and "
            "say whether the explanations name it.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            min=1,
            show_default=False,
            help=f"With --finding: so many of its heaviest units (default {TOP}).",
        ),
    ] = None,
    json: options.Json = False,
    html: options.Html = None,
    explainer: options.Explainer = "pattern",
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
    candidates: options.Candidates = 3,
    score_excerpts: options.Scored = 10,
    scorers: options.Scorers = "simulation",
    embedder: options.Embedder = None,
    embedder_revision: options.EmbedderRevision = None,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    concurrency: options.Concurrency = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    mode: options.Mode = "agent",
    arms: options.Arms = True,
    show_steps: Annotated[
        bool, typer.Option("--show-steps", help="Tell every step of the investigation.")
    ] = False,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Explain a unit, or those of a finding: scored on untouched text, with the evidence."""
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending

    _one_of(unit, finding, top, html)
    spending = Spending(budget_usd, max_calls, max_tokens, concurrency)

    def request(named: UnitId) -> ExplainRequest:
        return ExplainRequest(
            unit=named,
            seed=seed,
            mode=options.investigation_mode(mode),
            arms=arms,
            corpus=options.corpus_choice(corpus, column, limit, window, per_document),
            models=options.model_choice(
                explainer,
                simulator,
                strategy,
                candidates,
                score_excerpts,
                (scorers, embedder, embedder_revision),
            ),
        )

    if unit is not None:
        named = UnitId.parse(unit)
        workspace = options.workspace(named.subject, source, revision, trust_remote_code)
        asked = request(named)
        answer(workspace, asked, spending, fresh=fresh, json=json, html=html, steps=show_steps)
    elif finding is not None:
        from neuroscribe.cli.explain_finding import answer_finding, stored_finding

        found = stored_finding(finding)
        answer_finding(
            options.workspace(found.subject, source, revision, trust_remote_code),
            found,
            request,
            spending,
            top=TOP if top is None else top,
            fresh=fresh,
            json=json,
            told=_step_teller() if show_steps and not json else None,
        )


def _one_of(unit: str | None, finding: str | None, top: int | None, html: Path | None) -> None:
    """Raise :class:`MisuseError` unless one of both is asked about, with options that fit it."""
    if (unit is None) == (finding is None):
        both = "a unit and a finding are" if unit is not None else "neither a unit nor a finding is"
        raise MisuseError(f"{both} given", "give one: UNIT or --finding ID")
    if finding is None and top is not None:
        raise MisuseError("--top goes with --finding", "leave it out for one unit")
    if finding is not None and html is not None:
        raise MisuseError("--html shows one unit", "give a UNIT of the finding instead")


def answer(
    workspace: Workspace,
    request: ExplainRequest,
    spending: Spending,
    *,
    fresh: bool,
    json: bool,
    html: Path | None,
    steps: bool = False,
) -> None:
    """Ask, and print the document in the form that was chosen."""
    from neuroscribe.explaining import explain_unit

    with collecting(quiet=json) as progress:
        answer = explain_unit(
            workspace,
            request,
            fresh=fresh,
            progress=progress,
            spending=spending,
            told=_step_teller() if steps and not json else None,
        )
    if html is not None:
        from service.pages.unit import unit_page
        from subjects.index.files import write_bytes

        write_bytes(html, unit_page(answer.document).encode("utf-8", "replace"))
    if json:
        print_json(answer.document.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal import explain_view

    screen = console()
    screen.print(explain_view(answer.document, width=screen.width, steps=steps))
    if answer.stored:
        console(stderr=True).print("stored answer; --fresh recomputes", style="dim")


def _step_teller() -> Callable[[Step], None]:
    """Tells each step on stderr as it ends."""
    from neuroscribe.render.terminal_steps import step_line

    screen = console(stderr=True)
    return lambda step: screen.print(step_line(step, screen.width))
