"""The pattern explainer: finds a sentence of the pattern language that says when a unit fires.

:mod:`fit` turns excerpts into a weighted regression, :mod:`candidates` proposes clauses from what
the current sentence leaves unexplained, :mod:`search` builds the sentence clause by clause,
:mod:`experiments` asks the subject which context is really needed, :mod:`explainer` joins them and
chooses on the ``select`` split.
"""

from agent.explainers.pattern.explainer import PatternExplainer, Proposal

__all__ = ["PatternExplainer", "Proposal"]
