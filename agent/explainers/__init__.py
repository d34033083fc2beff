"""What writes explanations: :mod:`agent.explainers.pattern` needs no language model."""
