"""The pattern explainer: finds a sentence of the pattern language that says when a unit fires.

:mod:`fit` turns excerpts into a weighted regression, :mod:`candidates` proposes clauses from what
the current sentence leaves unexplained, :mod:`search` builds the sentence clause by clause,
:mod:`experiments` asks which context is really needed, :mod:`unseen` how the unit behaves where a
sentence speaks of it; :mod:`judge` compares sentences on ``select``, :mod:`explainer` joins all.
"""

from agent.explainers.pattern.explainer import PatternExplainer, PatternSession

__all__ = ["PatternExplainer", "PatternSession"]
