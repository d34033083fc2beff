"""From what a user types to a corpus."""

from __future__ import annotations

from pathlib import Path

from core.errors import CorpusNotFound
from subjects.corpora.builtin import BuiltinCorpus
from subjects.corpora.corpus import Corpus, FirstDocuments
from subjects.corpora.hub import HubCorpus, parse_hub_name
from subjects.corpora.local import LocalCorpus


def open_corpus(source: str, *, column: str = "text", limit: int | None = None) -> Corpus:
    """``builtin``, a path, or ``hf:dataset[:config[:split]]``; its first ``limit`` documents."""
    corpus = _whole(source, column)
    return corpus if limit is None else FirstDocuments(corpus, limit)


def _whole(source: str, column: str) -> Corpus:
    if not source:
        raise CorpusNotFound(
            "no corpus is named", "give builtin, a path or hf:dataset[:config[:split]]"
        )
    if source == "builtin":
        return BuiltinCorpus()
    if source.startswith("hf:"):
        dataset, config, split = parse_hub_name(source)
        return HubCorpus(dataset, config=config, split=split, column=column)
    return LocalCorpus(Path(source).expanduser(), column=column)
