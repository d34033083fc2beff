"""From a concept in words to labelled texts: one call proposes them, another checks them blind.

:mod:`.gathering` reads top to bottom; :mod:`.proposing` and :mod:`.checking` put the two questions,
:mod:`.unrelated` cuts passages of a corpus, :mod:`.examples` is what comes of it, and
:mod:`.collection` makes labels for :mod:`discovery.probing` of that.
"""

from agent.concepts.collection import collection_of
from agent.concepts.examples import ConceptExamples, ConceptQuestion, Example
from agent.concepts.gathering import gather

__all__ = ["ConceptExamples", "ConceptQuestion", "Example", "collection_of", "gather"]
