"""Neuroscribe explains single units of language models, scores every explanation, shows evidence.

    import neuroscribe

    document = neuroscribe.explain("demo/mlp.1/42")
    print(document.verdict, document.explanations[0].text)

The command line is :mod:`neuroscribe.cli`; :mod:`neuroscribe.explaining` is what both call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuroscribe.documents import ExplainDocument, UnitProfile

__all__ = ["explain", "show"]


def explain(
    unit: str,
    *,
    seed: int = 0,
    corpus: str = "builtin",
    experiments: bool = True,
    fresh: bool = False,
) -> ExplainDocument:
    """Explain one unit (``subject/site/index``) and score the explanation on untouched text.

    The answer is stored: asked again, it is given at once, unless ``fresh``. ``experiments`` off
    explains from excerpts alone. Raises :class:`core.errors.NeuroscribeError`.
    """
    from core.ids import UnitId
    from neuroscribe.explaining import ExplainRequest, explain_unit
    from neuroscribe.workspace import CorpusChoice, Workspace

    request = ExplainRequest(UnitId.parse(unit), seed, experiments, CorpusChoice(corpus))
    return explain_unit(Workspace(), request, fresh=fresh).document


def show(unit: str, *, corpus: str = "builtin", excerpts: int = 5) -> UnitProfile:
    """What one unit fires on: statistics, histogram, bands, excerpts, promoted tokens."""
    from core.ids import UnitId
    from neuroscribe.showing import show_unit
    from neuroscribe.workspace import CorpusChoice, Workspace

    return show_unit(Workspace(), UnitId.parse(unit), CorpusChoice(corpus), excerpts=excerpts)
