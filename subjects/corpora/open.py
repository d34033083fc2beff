"""From what a user types to a corpus."""

from __future__ import annotations

from pathlib import Path

from core.errors import CorpusNotFound
from subjects.corpora.builtin import BuiltinCorpus
from subjects.corpora.corpus import Corpus
from subjects.corpora.hub import HubCorpus, parse_hub_name
from subjects.corpora.local import LocalCorpus


def open_corpus(source: str, *, column: str = "text", limit: int | None = None) -> Corpus:
    """``builtin``, a path, or ``hf:dataset[:config[:split]]``."""
    if source == "builtin":
        return BuiltinCorpus()
    if source.startswith("hf:"):
        named = parse_hub_name(source)
        dataset = named["dataset"]
        if dataset is None:
            raise CorpusNotFound(f"{source!r} names no data set")
        return HubCorpus(
            dataset,
            config=named["config"],
            split=named["split"] or "train",
            column=column,
            limit=limit,
        )
    return LocalCorpus(Path(source).expanduser(), column=column)
