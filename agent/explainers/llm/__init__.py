"""The explainer that asks a language model.

:mod:`explainer` is one unit's session; :mod:`asking` puts a question and repairs an answer,
:mod:`showing` is what the model sees, :mod:`answers` what it may say.
"""

from agent.explainers.llm.explainer import PROMPT, LanguageModelExplainer

__all__ = ["PROMPT", "LanguageModelExplainer"]
