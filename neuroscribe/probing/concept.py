"""A concept in words as labels: proposed by a language model, checked by a second call."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.concepts import ConceptExamples, ConceptQuestion, collection_of
from discovery.probing.labels import Collection
from neuroscribe.concepts import concept_examples
from neuroscribe.models import Spending
from neuroscribe.workspace import CorpusChoice, Workspace

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class Concept:
    """What the texts are to have, who writes them, and how many of each kind are wanted."""

    words: str
    model: str
    texts: int = 60
    spending: Spending = field(default_factory=Spending)

    def labelled(
        self, workspace: Workspace, corpus: CorpusChoice, fresh: bool
    ) -> tuple[Collection, ConceptExamples]:
        """The texts as a collection of one feature; negatives are near-misses.

        Passages of ``corpus`` are negatives too where it is not the built-in one: the standard
        library beside sentences of a language model would be told apart by anything.

        Raises what :func:`neuroscribe.concepts.concept_examples` raises.
        """
        found = concept_examples(
            workspace,
            ConceptQuestion(self.words, wanted=self.texts),
            self.model,
            corpus=None if corpus.source == BUILTIN else corpus,
            spending=self.spending,
            fresh=fresh,
        )
        return collection_of(found), found
