"""Labelled texts for a concept in words: opens the model that proposes and checks them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.errors import InvalidSetting
from core.hashing import fingerprint
from neuroscribe.models import PATTERN, Spending
from neuroscribe.workspace import CorpusChoice, Workspace
from neuroscribe.writing import usage

if TYPE_CHECKING:
    from agent.concepts import ConceptExamples, ConceptQuestion


def concept_examples(
    workspace: Workspace,
    question: ConceptQuestion,
    model: str,
    *,
    corpus: CorpusChoice | None = None,
    spending: Spending | None = None,
    fresh: bool = False,
) -> ConceptExamples:
    """What :func:`agent.concepts.gather` finds with ``model``, recorded under one run.

    ``corpus`` adds unrelated passages. Asked again, stored answers are used unless ``fresh``.
    ``usage`` is everything ever spent on this question. Raises
    :class:`core.errors.InvalidSetting` for ``pattern``, which is no language model, and the errors
    of :func:`agent.concepts.gather` and :func:`llms.open.open_model`.
    """
    from agent.concepts import checking, gather, proposing
    from llms.budget import Budget
    from llms.open import open_model
    from llms.wrappers.record import Recorder
    from neuroscribe.models import options_of
    from prompts import load

    if model == PATTERN:
        raise InvalidSetting(
            "a concept in words needs a language model",
            "give one, such as anthropic:MODEL or openai:MODEL@URL, or give labelled texts",
        )
    opened = None if corpus is None else corpus.open()
    text = None if opened is None else opened.fingerprint
    prompts = [load(name).label for name in (proposing.PROMPT, checking.PROMPT)]
    sizes = [question.wanted, question.requests, question.per_request]
    key = fingerprint(["concept/1", question.concept, question.seed, sizes, model, text, prompts])
    spent = spending or Spending()
    options = options_of(workspace.settings, spent, run=key, reuse=not fresh)
    with workspace.store() as store:

        async def ask() -> ConceptExamples:
            budget = Budget(spent.usd, spent.calls, spent.tokens)
            asked = open_model(model, Recorder(store), budget, options)
            try:
                documents = None if opened is None else opened.documents
                return await gather(asked, question, documents, text)
            finally:
                await asked.close()

        found = asyncio.run(ask())
        return found.model_copy(update={"usage": usage(store, key)})
