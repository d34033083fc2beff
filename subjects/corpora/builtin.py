"""The corpus that every machine has: Python's standard library and generated text.

The standard library's own sources (without tests) are read from the running Python, so the
fingerprint names its version; generated documents are a pure function of the seed and of the
generator's own sources, which enter the fingerprint too.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from core.hashing import fingerprint
from subjects.corpora import generated
from subjects.corpora.corpus import near_duplicate_group
from subjects.corpora.document import Document
from subjects.corpora.generated import PHENOMENA, documents

_GENERATOR = Path(generated.__file__).parent
_SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
_SKIPPED |= {"lib2to3", "turtledemo", "ensurepip"}


def standard_library() -> list[tuple[str, Path]]:
    """Every source file of the running Python's standard library: (name, path), sorted by name."""
    root = Path(sysconfig.get_path("stdlib"))
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [b for b in below if b not in _SKIPPED and not b.startswith("config-")]
        paths = [Path(folder, name) for name in names if name.endswith(".py")]
        found += [(path.relative_to(root).as_posix(), path) for path in paths]
    return sorted(found)


class BuiltinCorpus:
    """Standard library plus ``per_phenomenon`` generated documents of each phenomenon.

    The two sources are interleaved so that any prefix holds both.
    """

    name = "builtin"

    def __init__(self, *, per_phenomenon: int = 160, seed: int = 11) -> None:
        self.per_phenomenon = per_phenomenon
        self.seed = seed

    @cached_property
    def _files(self) -> list[tuple[str, Path]]:
        return standard_library()

    @cached_property
    def fingerprint(self) -> str:
        """Names the Python version, and by their contents its files and the generator's."""
        python = ".".join(str(part) for part in sys.version_info[:3])
        digest = hashlib.blake2b(digest_size=8)
        generator = [(path.name, path) for path in sorted(_GENERATOR.glob("*.py"))]
        for name, path in self._files + generator:
            digest.update(f"{name}\x00{path.stat().st_size}\x00".encode())
            digest.update(path.read_bytes())
        parts = [digest.hexdigest(), self.per_phenomenon, self.seed]
        return f"python-{python}-{fingerprint(parts)}"

    @property
    def n_documents(self) -> int | None:
        """Files plus generated documents."""
        return len(self._files) + self.per_phenomenon * len(PHENOMENA)

    def documents(self) -> Iterator[Document]:
        """Library files and generated documents in turn, each source in its own order."""
        library = self._library()
        rounds = zip(
            *(documents(p, seed=self.seed, count=self.per_phenomenon) for p in PHENOMENA),
            strict=True,
        )
        files_a_round = len(self._files) // max(self.per_phenomenon, 1) + 1
        for one_of_each in rounds:
            yield from one_of_each
            for _ in range(files_a_round):
                if (document := next(library, None)) is not None:
                    yield document
        yield from library

    def _library(self) -> Iterator[Document]:
        for name, path in self._files:
            text = path.read_text(encoding="utf-8", errors="replace")
            # Nearly every module of ``encodings`` is the same table with other letters.
            tables = name.startswith("encodings/")
            group = "stdlib/encoding-tables" if tables else near_duplicate_group(text)
            yield Document(id=f"stdlib/{name}", text=text, type="code:python", group=group)
