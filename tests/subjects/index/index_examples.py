"""A subject whose activations are a known function of its tokens, and corpora for it.

Words are ``w0`` .. ``w49``; a unit's value at a token is an entry of a table, whatever stands
around it, so every number of an index can be computed again by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.evidence import SPLITS, split_of
from core.hashing import text_hash
from subjects.corpora.document import Document
from subjects.index import files
from subjects.index.collect import CollectPlan
from subjects.index.manifest import Manifest
from subjects.index.windows import DocumentWindows, cut, priority
from subjects.protocol import Batch, SiteInfo, SubjectSpec, Vocabulary

WORDS = 50
WINDOW = 8
RARE_WORD = 49
DEAD, RARE, ALWAYS, TIED = 0, 1, 2, 3  # units of the ReLU site
CONSTANT, OFFSET, SILENT = 0, 1, 2  # units of the signed site


def relu_table(width: int = 12) -> torch.Tensor:
    """[words, units], mostly zero."""
    generator = torch.Generator().manual_seed(0)
    table = torch.relu(torch.randn(WORDS, width, generator=generator) - 1.2)
    table[:, DEAD] = 0.0
    table[:, RARE] = 0.0
    table[RARE_WORD, RARE] = 3.0
    table[:, ALWAYS] = 0.5 + torch.arange(WORDS) / 10
    table[:, TIED] = 0.0
    table[::7, TIED] = 2.0
    return table


def signed_table(width: int = 6) -> torch.Tensor:
    """[words, units], below and above zero."""
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(WORDS, width, generator=generator)
    table[:, CONSTANT] = 3.7
    table[:, OFFSET] = 1e4 + table[:, OFFSET]
    table[:, SILENT] = 0.0
    table[3, 3], table[4, 3] = 0.0, -0.0
    return table


class TableSubject:
    """The part of a subject that an index needs. ``on_batch`` is called before each pass."""

    max_text = 64

    def __init__(
        self,
        tables: Mapping[str, torch.Tensor] | None = None,
        *,
        tokenizer: str = "words",
        on_batch: Callable[[], object] = lambda: None,
    ) -> None:
        self.tables = dict(tables or {"mlp.0": relu_table(), "resid.0": signed_table()})
        self.on_batch = on_batch
        self.passes = 0
        weights = hashlib.blake2b(digest_size=8)
        for table in self.tables.values():
            weights.update(table.numpy().tobytes())
        self.spec = SubjectSpec(
            name="table",
            family="causal",
            source="builtin:table",
            revision="1",
            weights=weights.hexdigest(),
            tokenizer=tokenizer,
        )
        self.vocabulary = Vocabulary(tuple(f"w{i}" for i in range(WORDS)))

    def sites(self) -> dict[str, SiteInfo]:
        return {
            name: SiteInfo(name, table.shape[1], layer, non_negative=name.startswith("mlp"))
            for layer, (name, table) in enumerate(self.tables.items())
        }

    def output_weights(self, site: str) -> None:
        return None

    def tokenize(self, text: str) -> list[int]:
        return [int(word[1:]) for word in text.split()]

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        first = np.zeros((len(windows), 1), dtype=np.int64)
        return Batch(np.concatenate([first, windows], axis=1), 1, windows.shape[1])

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        self.on_batch()
        self.passes += 1
        ids = torch.from_numpy(batch.ids)
        return {name: self.tables[name][ids][:, 1:] for name in sites}


@dataclass
class ListCorpus:
    held: list[Document]
    name: str = "list"
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        parts = [f"{d.id}\x1f{d.group}\x1f{d.text}" for d in self.held]
        self.fingerprint = f"list-{text_hash(*parts):016x}"

    @property
    def n_documents(self) -> int | None:
        return len(self.held)

    def documents(self) -> Iterator[Document]:
        return iter(self.held)


def document(name: str, ids: Sequence[int], group: str | None = None) -> Document:
    text = " ".join(f"w{i}" for i in ids)
    return Document(id=name, text=text, type="test", group=group or name)


def random_documents(count: int, seed: int, longest: int = 40) -> list[Document]:
    """Documents of 0 to ``longest`` words; every tenth repeats the one before it (same group)."""
    random = np.random.default_rng(seed)
    found: list[Document] = []
    for number in range(count):
        name = f"doc/{number:04d}"
        if number % 10 == 9:
            before = found[-1]
            found.append(Document(name, before.text, "copy", before.group))
            continue
        words = random.integers(0, RARE_WORD, random.integers(0, longest + 1))
        if number % 25 == 0 and len(words):
            words[random.integers(0, len(words))] = RARE_WORD
        found.append(document(name, words.tolist()))
    return found


def make_plan(subject: TableSubject, corpus: ListCorpus, **options: int) -> CollectPlan:
    sites = list(subject.sites().values())
    return CollectPlan(subject, corpus, sites, **{"window": WINDOW, **options})


@dataclass
class Whole:
    """Every window of a plan at once: what an index is compared with."""

    ids: NDArray[np.int64]
    split: NDArray[np.int64]
    document: NDArray[np.int64]
    offset: NDArray[np.int64]
    priority: NDArray[np.int64]
    names: list[str]

    @classmethod
    def of(cls, plan: CollectPlan) -> Whole:
        cuts = all_cuts(plan)
        rows = [(c, d, i) for d, c in enumerate(cuts) for i in range(len(c.ids))]
        return cls(
            ids=np.array([c.ids[i] for c, _, i in rows]),
            split=np.array([c.split for c, _, _ in rows]),
            document=np.array([d for _, d, _ in rows]),
            offset=np.array([c.offsets[i] for c, _, i in rows]),
            priority=np.array([priority(c.id, int(c.offsets[i])) for c, _, i in rows]),
            names=[c.id for c in cuts],
        )

    def values(self, plan: CollectPlan, site: str) -> NDArray[np.float32]:
        """[windows, tokens, units]."""
        return plan.subject.tables[site].numpy()[self.ids]


def all_cuts(plan: CollectPlan) -> list[DocumentWindows]:
    return [cut(d, plan.subject, plan.window, plan.per_document) for d in plan.corpus.documents()]


def split_number(group: str) -> int:
    return SPLITS.index(split_of(group))


def contents(folder: Path) -> dict[str, object]:
    """What a finished index says, whatever its files are called: every tensor bit for bit."""
    manifest = Manifest.read(folder)
    found: dict[str, object] = {
        name: getattr(manifest, name)
        for name in ("complete", "shards_done", "n_windows", "n_documents", "n_tokens", "types")
    }
    parts = {name: (site.file, site.digest) for name, site in manifest.sites.items()}
    parts["windows"] = (manifest.windows_file, manifest.windows_digest)
    for part, (name, digest) in parts.items():
        for key, value in files.read_tensors(folder / name, digest).items():
            found[f"{part}/{key}"] = (value.dtype, tuple(value.shape), value.numpy().tobytes())
    found["documents"] = files.read_json(
        folder / manifest.documents_file, manifest.documents_digest
    )
    return found


def named_files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"manifest.json", ".lock"}
