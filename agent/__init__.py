"""From evidence to a verdict: explainers, and the loop that proposes, tests, chooses and scores.

Start with :mod:`agent.investigate`, which reads top to bottom; :mod:`agent.graph` runs the same so
that it can be killed and goes on; :mod:`agent.explainers` holds what writes the explanations.
:mod:`agent.sweep` asks about many units at once, as items of a stored job;
:mod:`agent.concepts` makes labelled texts of a concept in words.
HTTP is unknown here.
"""
