"""Neuroscribe explains single units of language models, scores every explanation, shows evidence.

    import neuroscribe

    document = neuroscribe.explain("demo/mlp.1/42")
    print(document.verdict, document.explanations[0].text)

The command line is :mod:`neuroscribe.cli`; :mod:`neuroscribe.explaining` is what both call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.documents import ExplainDocument, UnitProfile
    from neuroscribe.explaining import InvestigationMode
    from neuroscribe.models import Strategy
    from neuroscribe.sweeps.summary import SweepDocument

__all__ = ["explain", "explain_layer", "score", "show"]


def explain(
    unit: str,
    *,
    seed: int = 0,
    corpus: str = "builtin",
    mode: InvestigationMode = "agent",
    fresh: bool = False,
    explainer: str = "pattern",
    simulator: str | None = None,
    strategy: Strategy = "auto",
    scorers: str = "simulation",
    embedder: str | None = None,
    budget_usd: float | None = None,
    max_calls: int | None = None,
) -> ExplainDocument:
    """Explain one unit (``subject/site/index``) and score the explanation on untouched text.

    The answer is stored: asked again, it is given at once, unless ``fresh``. ``mode`` "one-shot"
    explains from excerpts alone, without experiments. ``explainer`` and ``simulator`` name language
    models such as ``anthropic:MODEL`` (docs/models.md), ``scorers`` and ``embedder`` what is scored
    beside the simulation (docs/scorers-llm.md). Raises :class:`core.errors.NeuroscribeError`. Not
    to be called while an event loop runs in the same thread.
    """
    from core.ids import UnitId
    from neuroscribe.explaining import ExplainRequest, explain_unit
    from neuroscribe.models import PATTERN, ModelChoice, Spending
    from neuroscribe.scorers import ScorerChoice
    from neuroscribe.workspace import CorpusChoice, Workspace

    model = (simulator or explainer) != PATTERN
    asked = ScorerChoice.named(scorers, embedder, None, model=model)
    models = ModelChoice(explainer, simulator, strategy, scorers=asked)
    request = ExplainRequest(UnitId.parse(unit), seed, mode, CorpusChoice(corpus), models)
    spending = Spending(budget_usd, max_calls)
    return explain_unit(Workspace(), request, fresh=fresh, spending=spending).document


def explain_layer(
    site: str,
    *,
    units: str | None = None,
    sample: int | None = None,
    finding: str | None = None,
    seed: int = 0,
    corpus: str = "builtin",
    mode: InvestigationMode = "agent",
    arms: bool = False,
    neighbours: int = 0,
    explainer: str = "pattern",
    simulator: str | None = None,
    strategy: Strategy = "auto",
    scorers: str = "simulation",
    embedder: str | None = None,
    budget_usd: float | None = None,
    max_calls: int | None = None,
    concurrency: int | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> SweepDocument:
    """Explain all live units of a site (``subject/site``), or some of them, as one job.

    ``units`` are numbers such as ``"0-99,120"``, ``sample`` draws live ones, ``finding`` is the id
    of a stored finding that names them. Called again, it goes on where it was; ``state`` says
    whether it is done, or paused because the budget is used up. A unit that fails stops no other.
    Raises :class:`core.errors.NeuroscribeError` where nothing can be begun. Not to be called while
    an event loop runs in the same thread. ``docs/sweeps.md``.
    """
    from neuroscribe.engines.choice import EngineChoice
    from neuroscribe.models import PATTERN, ModelChoice
    from neuroscribe.scorers import ScorerChoice
    from neuroscribe.sweeping import (
        SweepOptions,
        SweepRequest,
        only_finding,
        site_of,
        units_of_finding,
    )
    from neuroscribe.sweeping import explain_layer as run
    from neuroscribe.workspace import CorpusChoice, Workspace

    subject, place = site_of(site)
    model = (simulator or explainer) != PATTERN
    asked = ScorerChoice.named(scorers, embedder, None, model=model)
    workspace = Workspace()
    if finding is not None:
        only_finding(units, sample)
        units = units_of_finding(workspace, finding, subject, place)
    request = SweepRequest(
        subject,
        place,
        units=units,
        sample=sample,
        seed=seed,
        mode=mode,
        corpus=CorpusChoice(corpus),
        models=ModelChoice(explainer, simulator, strategy, scorers=asked),
        arms=arms,
        neighbours=neighbours,
    )
    how = SweepOptions(budget_usd, max_calls, concurrency, engine=EngineChoice(engine, workers))
    return run(workspace, request, how).document


def score(
    unit: str,
    explanation: str,
    *,
    seed: int = 0,
    corpus: str = "builtin",
    simulator: str = "pattern",
    strategy: Strategy = "auto",
    scorers: str = "simulation",
    embedder: str | None = None,
    budget_usd: float | None = None,
    max_calls: int | None = None,
) -> ExplainDocument:
    """Score an explanation that a person wrote, beside the same nulls and baselines as any other.

    Prose needs a language model as ``simulator``; ``pattern`` reads sentences of the pattern
    language. ``scorers`` and ``embedder`` as for :func:`explain`. Raises
    :class:`core.errors.NeuroscribeError`.
    """
    from core.ids import UnitId
    from neuroscribe.explaining import ExplainRequest, explain_unit
    from neuroscribe.models import PATTERN, ModelChoice, Spending
    from neuroscribe.scorers import ScorerChoice
    from neuroscribe.workspace import CorpusChoice, Workspace

    asked = ScorerChoice.named(scorers, embedder, None, model=simulator != PATTERN)
    request = ExplainRequest(
        UnitId.parse(unit),
        seed,
        corpus=CorpusChoice(corpus),
        models=ModelChoice(simulator=simulator, strategy=strategy, scorers=asked),
        given=" ".join(explanation.split()),
    )
    return explain_unit(Workspace(), request, spending=Spending(budget_usd, max_calls)).document


def show(unit: str, *, corpus: str = "builtin", excerpts: int = 5) -> UnitProfile:
    """What one unit fires on: statistics, histogram, bands, excerpts, promoted tokens."""
    from core.ids import UnitId
    from neuroscribe.showing import show_unit
    from neuroscribe.workspace import CorpusChoice, Workspace

    return show_unit(Workspace(), UnitId.parse(unit), CorpusChoice(corpus), excerpts=excerpts)
