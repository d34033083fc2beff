"""Raters look at whole excerpts: what they say is asked for first and scored afterwards.

:mod:`interface` is what they share. ``detection``, ``fuzzing`` and ``intruder`` ask a language
model (Paulo et al. 2024), ``embedding`` compares vectors of texts. Their items are those of the
scorers of the same name in :mod:`scoring.scorers`, which predictions for tokens answer; baselines
and the oracle are computed from such predictions on the very same items. ``docs/scorers-llm.md``
says what each costs and what it cannot see.
"""

from scoring.raters.detection import DetectionRater
from scoring.raters.embedding import Embedder, EmbeddingRater
from scoring.raters.fuzzing import FuzzingRater
from scoring.raters.interface import Rater, rate
from scoring.raters.intruder import IntruderRater
from scoring.raters.lexical import LexicalEmbedder

__all__ = [
    "DetectionRater",
    "Embedder",
    "EmbeddingRater",
    "FuzzingRater",
    "IntruderRater",
    "LexicalEmbedder",
    "Rater",
    "rate",
]
