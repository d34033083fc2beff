"""From evidence to a verdict: explainers, and the loop that proposes, tests, chooses and scores.

Start with :mod:`agent.explain`, which reads top to bottom; :mod:`agent.explainers` holds what
writes the explanations. :mod:`agent.sweep` asks about many units at once, as items of a stored job.
HTTP is unknown here.
"""
