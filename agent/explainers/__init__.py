"""What writes explanations. ``pattern`` needs no language model: see :mod:`agent.explainers.pattern`."""
