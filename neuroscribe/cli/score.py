"""``neuroscribe score UNIT --explanation TEXT``."""

from __future__ import annotations

from typing import Annotated

import typer

from core.ids import UnitId
from neuroscribe.cli import options
from neuroscribe.cli.explain import answer


def score(
    unit: options.Unit,
    explanation: Annotated[
        str,
        typer.Option(
            "--explanation",
            help="What the unit reacts to: prose for a language model, or a pattern sentence.",
        ),
    ],
    json: options.Json = False,
    html: options.Html = None,
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
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
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Score an explanation that you wrote, beside the same nulls and baselines as any other."""
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending

    named = UnitId.parse(unit)
    workspace = options.workspace(named.subject, source, revision, trust_remote_code)
    request = ExplainRequest(
        unit=named,
        seed=seed,
        corpus=options.corpus_choice(corpus, column, limit, window, per_document),
        models=options.model_choice(
            "pattern",
            simulator,
            strategy,
            1,
            score_excerpts,
            (scorers, embedder, embedder_revision),
        ),
        given=" ".join(explanation.split()),
    )
    spending = Spending(budget_usd, max_calls, max_tokens, concurrency)
    answer(workspace, request, spending, fresh=fresh, json=json, html=html)
