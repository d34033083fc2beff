"""An embedder without a model: it counts character trigrams, and knows nothing of meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.hashing import text_hash
from scoring.scorers.interface import Array

DIMENSIONS = 4096
LENGTH = 3


class LexicalEmbedder:
    """Hashed character trigrams of lower-cased text, tf-idf over the texts of one call.

    It is lexical: an explanation is near to excerpts that share its letters, such as words that it
    quotes, and far from those that only share its sense.
    """

    name = "lexical"

    def embed(self, texts: Sequence[str]) -> Array:
        """Vectors [texts, 4096]: log(1 + count) times log((1 + texts) / (1 + texts with it)) + 1.

        A text shorter than three characters has no direction.
        """
        places: dict[str, int] = {}
        counts = np.zeros((len(texts), DIMENSIONS))
        for row, text in enumerate(texts):
            lowered = text.lower()
            for start in range(len(lowered) - LENGTH + 1):
                gram = lowered[start : start + LENGTH]
                if gram not in places:
                    places[gram] = text_hash("neuroscribe/gram/1", gram) % DIMENSIONS
                counts[row, places[gram]] += 1
        held = (counts > 0).sum(axis=0)
        weights = np.log((1 + len(texts)) / (1 + held)) + 1
        return np.asarray(np.log1p(counts) * weights)
