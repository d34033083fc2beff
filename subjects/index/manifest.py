"""The manifest of an index: what was collected, from what, and which files hold it.

The manifest is replaced atomically after the files it names are on disk, so at every moment it
describes a consistent state: a finished index, or the last finished shard of an unfinished one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import IndexDamaged
from core.hashing import fingerprint
from subjects.index import files
from subjects.index.windows import DOCUMENTS_PER_SHARD
from subjects.protocol import SiteInfo, SubjectSpec

FORMAT: Literal[1] = 1
NAME = "manifest.json"


class SiteEntry(BaseModel):
    """One site's shape and file.

    ``histogram_every`` n: the histogram of values is taken over every n-th window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    width: int
    layer: int
    non_negative: bool
    histogram_every: int
    file: str
    digest: str

    def info(self, name: str) -> SiteInfo:
        """The site as the subject describes it."""
        return SiteInfo(name, self.width, self.layer, self.non_negative)


class Manifest(BaseModel):
    """Everything about an index but the numbers. Counts by split are in the order of ``SPLITS``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1] = FORMAT
    key: str
    complete: bool
    shards_done: int
    subject: str
    spec: dict[str, str]
    spec_hash: str
    tokenizer: str
    corpus: str
    corpus_fingerprint: str
    window: int
    per_document: int
    documents_per_shard: int = DOCUMENTS_PER_SHARD
    left_out_positions: str
    sites: dict[str, SiteEntry]
    windows_file: str
    windows_digest: str
    documents_file: str
    documents_digest: str
    n_windows: list[int]
    n_documents: list[int]
    n_too_short: int
    n_tokens: int
    tokens_left_out: int
    types: dict[str, int]
    code_version: str
    seconds: float

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest."""
        value = self.model_dump()
        files.write_json(folder / NAME, {**value, "checksum": fingerprint(value)})

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The folder's manifest; :class:`IndexDamaged` names it when it cannot be understood."""
        value = files.read_json(folder / NAME)
        checksum = value.pop("checksum", None)
        if checksum != fingerprint(value):
            raise IndexDamaged(
                f"index manifest {str(folder / NAME)!r} does not match its checksum",
                "run neuroscribe collect with --rebuild to make the index anew",
            )
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise IndexDamaged(
                f"index manifest {str(folder / NAME)!r} is wrong at {where!r}",
                "run neuroscribe collect with --rebuild to make the index anew",
            ) from error

    def file_names(self) -> set[str]:
        """Every file this manifest relies on."""
        return {
            self.windows_file,
            self.documents_file,
            *(site.file for site in self.sites.values()),
        }

    def size(self, folder: Path) -> int:
        """Bytes on disk."""
        return sum((folder / name).stat().st_size for name in self.file_names())


def index_key(
    spec: SubjectSpec,
    corpus_fingerprint: str,
    sites: list[SiteInfo],
    window: int,
    per_document: int,
) -> str:
    """The name of an index: a hash of everything its numbers depend on."""
    parts: list[Any] = [
        FORMAT,
        spec.hash,
        corpus_fingerprint,
        [[s.name, s.width] for s in sites],
        window,
        per_document,
        DOCUMENTS_PER_SHARD,
    ]
    return fingerprint(parts)
