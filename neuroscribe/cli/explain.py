"""``neuroscribe explain UNIT``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.ids import UnitId
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json

if TYPE_CHECKING:
    from core.results import Step
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending
    from neuroscribe.workspace import Workspace


def explain(
    unit: options.Unit,
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
    """Explain one unit, score the explanation on untouched text, and show the evidence."""
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending

    named = UnitId.parse(unit)
    workspace = options.workspace(named.subject, source, revision, trust_remote_code)
    request = ExplainRequest(
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
    spending = Spending(budget_usd, max_calls, max_tokens, concurrency)
    answer(workspace, request, spending, fresh=fresh, json=json, html=html, steps=show_steps)


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
