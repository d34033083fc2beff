"""Corpora from the Hugging Face hub (or a local ``datasets`` folder), streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import CorpusError, CorpusNotFound, CorpusNotText, MissingExtra
from core.hashing import fingerprint
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document


class HubCorpus:
    """Rows of one split of a data set, by name: ``hf:wikitext:wikitext-103-raw-v1:train``.

    ``revision`` pins the data; without it the fingerprint names the default branch, which its owner
    may move. Raises :class:`MissingExtra` without the ``datasets`` package and
    :class:`CorpusNotFound` when the data set cannot be opened.
    """

    def __init__(
        self,
        dataset: str,
        *,
        config: str | None = None,
        split: str = "train",
        column: str = "text",
        revision: str | None = None,
    ) -> None:
        self.dataset, self.config, self.split = dataset, config, split
        self.column, self.revision = column, revision
        self._rows = self._open()

    @property
    def name(self) -> str:
        """``hf:dataset:config:split``."""
        return ":".join(["hf", self.dataset, self.config or "", self.split])

    @property
    def fingerprint(self) -> str:
        """Names data set, configuration, split, column and revision."""
        parts = [self.dataset, self.config, self.split, self.column, self.revision]
        return f"hub-{fingerprint(parts)}"

    @property
    def n_documents(self) -> int | None:
        """Unknown: rows are streamed."""
        return None

    def documents(self) -> Iterator[Document]:
        """One document a row, in the data set's order."""
        rows = enumerate(iter(self._rows))
        while (found := self._next(rows)) is not None:
            number, row = found
            text = row.get(self.column)
            if not isinstance(text, str):
                raise CorpusNotText(
                    f"row {number} of {self.name!r} has no text under {self.column!r}",
                    "columns: " + ", ".join(map(str, row)),
                )
            yield Document(f"{self.name}#{number}", text, "row", near_duplicate_group(text))

    def _next(self, rows: Iterator[tuple[int, Any]]) -> tuple[int, Any] | None:
        try:
            return next(rows, None)
        except (OSError, ValueError, RuntimeError) as error:
            raise CorpusError(
                f"data set {self.dataset!r} cannot be read on: {_first_line(error)}",
                "run again: collection goes on at the last finished shard",
            ) from error

    def _open(self) -> Any:
        try:
            import datasets
        except ImportError as error:
            raise MissingExtra(
                "data sets from the hub need the datasets package",
                "pip install 'neuroscribe[datasets]'",
            ) from error
        try:
            return datasets.load_dataset(
                self.dataset,
                self.config,
                split=self.split,
                revision=self.revision,
                streaming=True,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise CorpusNotFound(
                f"data set {self.dataset!r} cannot be opened: {_first_line(error)}",
                "check its name, configuration and the network",
            ) from error


def parse_hub_name(text: str) -> tuple[str, str | None, str]:
    """Data set, configuration and split of ``hf:dataset[:config[:split]]``."""
    dataset, config, split, *more = [*text.split(":")[1:], "", "", ""]
    if not dataset or any(more):
        raise CorpusNotFound(f"{text!r} names no data set", "write hf:dataset[:config[:split]]")
    return dataset, config or None, split or "train"


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)
