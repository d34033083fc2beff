"""Corpora from the Hugging Face hub (or a local ``datasets`` folder), streamed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from core.errors import CorpusNotFound, CorpusNotText, MissingExtra
from core.hashing import fingerprint
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document


class HubCorpus:
    """Rows of one split of a data set, by name: ``hf:wikitext:wikitext-103-raw-v1:train``.

    ``revision`` pins the data; without it the fingerprint names the default branch, which its owner
    may move. ``limit`` takes that many rows from the start.
    """

    def __init__(
        self,
        dataset: str,
        *,
        config: str | None = None,
        split: str = "train",
        column: str = "text",
        revision: str | None = None,
        limit: int | None = None,
    ) -> None:
        self.dataset, self.config, self.split = dataset, config, split
        self.column, self.revision, self.limit = column, revision, limit
        self._rows = self._open()

    @property
    def name(self) -> str:
        """``hf:dataset:config:split``."""
        return ":".join(["hf", self.dataset, self.config or "", self.split])

    @property
    def fingerprint(self) -> str:
        """Names data set, configuration, split, column, revision and limit."""
        parts = [self.dataset, self.config, self.split, self.column, self.revision, self.limit]
        return f"hub-{fingerprint(parts)}"

    @property
    def n_documents(self) -> int | None:
        """The limit, if one was set."""
        return self.limit

    def documents(self) -> Iterator[Document]:
        """One document a row, in the data set's order."""
        for number, row in enumerate(islice(iter(self._rows), self.limit)):
            text = row.get(self.column)
            if not isinstance(text, str):
                raise CorpusNotText(
                    f"row {number} of {self.name!r} has no text under {self.column!r}",
                    "columns: " + ", ".join(map(str, row)),
                )
            yield Document(f"{self.name}#{number}", text, "row", near_duplicate_group(text))

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
            first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise CorpusNotFound(
                f"data set {self.dataset!r} cannot be opened: {first}",
                "check its name, configuration and the network",
            ) from error


def parse_hub_name(text: str) -> dict[str, str | None]:
    """``hf:dataset[:config[:split]]`` as keyword arguments of :class:`HubCorpus`."""
    parts = text.split(":")[1:]
    if not parts or not parts[0] or len(parts) > 3:
        raise CorpusNotFound(f"{text!r} names no data set", "write hf:dataset[:config[:split]]")
    padded = [*parts, "", ""][:3]
    return {"dataset": padded[0], "config": padded[1] or None, "split": padded[2] or "train"}
