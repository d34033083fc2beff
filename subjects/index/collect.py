"""The collection pass: shard after shard, each saved before the next begins.

A killed run leaves the state of its last finished shard and goes on from there; a finished index is
never touched again. Memory is bounded by the tables of one shard, whatever the corpus's size.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from core.errors import CorpusTooShort, IndexDamaged, IndexMismatch, InvalidSetting
from core.evidence import SPLITS
from core.version import code_version
from subjects.corpora.corpus import Corpus
from subjects.corpora.document import Document
from subjects.index import files
from subjects.index.manifest import NAME, Manifest, SiteEntry, index_key
from subjects.index.shard import InProcess, ShardResult, Shards, ShardWork
from subjects.index.state import SiteState
from subjects.index.store import WindowStore
from subjects.index.sums import HISTOGRAM_EVERY
from subjects.index.windows import MAX_PER_DOCUMENT, shards
from subjects.protocol import SiteInfo, Subject

_GENERATION = re.compile(r"\.(\d+)\.(?:safetensors|json)$")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is; ``documents_total`` is None when the corpus does not know."""

    documents: int
    documents_total: int | None
    tokens: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class CollectPlan:
    """What to collect: the corpus, the sites, the window and the cap of windows a document."""

    subject: Subject
    corpus: Corpus
    sites: list[SiteInfo]
    window: int = 64
    per_document: int = 16

    def __post_init__(self) -> None:
        limit = self.subject.max_text
        if not 1 <= self.window <= limit:
            raise InvalidSetting(
                f"window {self.window!r} does not fit subject {self.subject.spec.name!r}",
                f"give 1 to {limit} tokens",
            )
        if not 1 <= self.per_document <= MAX_PER_DOCUMENT:
            raise InvalidSetting(
                f"windows per document {self.per_document!r} is not in 1..{MAX_PER_DOCUMENT}"
            )

    @property
    def key(self) -> str:
        """The index's name."""
        return index_key(
            self.subject.spec, self.corpus.fingerprint, self.sites, self.window, self.per_document
        )

    def folder(self, home: Path) -> Path:
        """Where the index lies under the product's home."""
        return home / "indexes" / self.subject.spec.name / self.key

    def work(self, parts: Iterable[list[Document]], first: int) -> Iterator[ShardWork]:
        """Shards to be collected, from the documents of each, numbered from ``first`` on."""
        for number, documents in enumerate(parts, first):
            yield ShardWork(number, documents, self.sites, self.window, self.per_document)


@dataclass(slots=True)
class _Running:
    """The folded state of all finished shards."""

    windows: WindowStore
    sites: dict[str, SiteState] = field(default_factory=dict)
    shards_done: int = 0
    generation: int = 0
    n_windows: list[int] = field(default_factory=lambda: [0] * len(SPLITS))
    n_documents: list[int] = field(default_factory=lambda: [0] * len(SPLITS))
    n_too_short: int = 0
    n_tokens: int = 0
    tokens_left_out: int = 0
    types: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def fold(self, shard: ShardResult) -> None:
        for name, state in shard.states.items():
            if name in self.sites:
                self.sites[name].fold(state)
            else:
                self.sites[name] = state
        self.windows.add(shard.number, shard.cuts)
        if self.sites:
            held = torch.cat([state.windows_held() for state in self.sites.values()])
            self.windows.keep(np.unique(held.numpy()))
        for windows in shard.cuts:
            self.tokens_left_out += windows.tokens_left_out
            if not len(windows.ids):
                self.n_too_short += 1
                continue
            self.n_windows[windows.split] += len(windows.ids)
            self.n_documents[windows.split] += 1
            self.n_tokens += windows.ids.size
            self.types[windows.type] = self.types.get(windows.type, 0) + 1
        self.shards_done = shard.number + 1


def collect(
    plan: CollectPlan,
    home: Path,
    *,
    rebuild: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop_after: int | None = None,
    engine: Shards | None = None,
) -> Manifest:
    """Make the plan's index (or find it finished) and return its manifest.

    ``engine`` collects the shards (default: this process); the index is the same whichever does.
    ``rebuild`` makes it anew; the old one stays until the first shard of the new one is saved.
    ``stop_after`` ends after so many shards (one or more) with the index unfinished, to be resumed
    by a later call. Raises :class:`CorpusTooShort` when no document fills a window,
    :class:`IndexDamaged` when files of an earlier run cannot be read and ``rebuild`` is not set,
    :class:`DiskFull`. Whatever is raised, finished shards are kept.
    """
    folder = plan.folder(home)
    with files.locked(folder):
        try:
            manifest = None if rebuild else _earlier(plan, folder)
            if manifest is None or not manifest.complete:
                manifest = _go_on(
                    plan, folder, manifest, progress, stop_after, engine or InProcess()
                )
            return manifest
        finally:
            _clean(folder)


def _go_on(
    plan: CollectPlan,
    folder: Path,
    manifest: Manifest | None,
    progress: Callable[[Progress], None] | None,
    stop_after: int | None,
    engine: Shards,
) -> Manifest:
    """Collect what ``manifest`` lacks (None: everything); fold and save shard after shard."""
    running = _resume(folder, manifest) if manifest else _Running(WindowStore(plan.window))
    running.generation = _last_generation(folder)
    resumed = running.shards_done > 0
    ahead = shards(plan.corpus.documents())
    seen = sum(len(documents) for documents in islice(ahead, running.shards_done))
    work = plan.work(ahead, running.shards_done)
    began = time.monotonic()
    with closing(engine.results(plan.subject, islice(work, stop_after))) as results:
        for shard in results:
            running.fold(shard)
            running.seconds += time.monotonic() - began
            manifest = _save(plan, folder, running)
            seen += len(shard.cuts)
            if progress is not None:
                progress(Progress(seen, plan.corpus.n_documents, running.n_tokens, resumed))
            began = time.monotonic()
    if manifest is not None and stop_after is not None and next(work, None) is not None:
        return manifest
    if manifest is None or not sum(running.n_windows):
        raise CorpusTooShort(
            f"no document of corpus {plan.corpus.name!r} has {plan.window} tokens",
            "give longer documents or a shorter --window",
        )
    finished = manifest.model_copy(update={"complete": True})
    finished.write(folder)
    return finished


def _earlier(plan: CollectPlan, folder: Path) -> Manifest | None:
    """The manifest that an earlier run left, if any."""
    if not (folder / NAME).exists():
        return None
    manifest = Manifest.read(folder)
    if manifest.key != plan.key:
        raise IndexMismatch(
            f"index folder {str(folder)!r} holds another index", "collect with --rebuild"
        )
    return manifest


def _resume(folder: Path, manifest: Manifest) -> _Running:
    """The state after the manifest's last shard."""
    return _Running(
        windows=read_windows(folder, manifest),
        sites={name: read_site(folder, manifest, name) for name in manifest.sites},
        shards_done=manifest.shards_done,
        n_windows=list(manifest.n_windows),
        n_documents=list(manifest.n_documents),
        n_too_short=manifest.n_too_short,
        n_tokens=manifest.n_tokens,
        tokens_left_out=manifest.tokens_left_out,
        types=dict(manifest.types),
        seconds=manifest.seconds,
    )


def _last_generation(folder: Path) -> int:
    """The highest generation of any file there: later ones never overwrite what is in use."""
    found = (_GENERATION.search(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0)


def _clean(folder: Path) -> None:
    """Remove every file that the manifest does not name; nothing if it cannot be read."""
    try:
        named = Manifest.read(folder).file_names() if (folder / NAME).exists() else set()
    except IndexDamaged:
        return
    for path in folder.iterdir():
        if path.is_file() and path.name not in named | {NAME, files.LOCK}:
            path.unlink(missing_ok=True)


def read_site(folder: Path, manifest: Manifest, name: str) -> SiteState:
    """One site's state, checked against its digest."""
    entry = manifest.sites[name]
    tensors = files.read_tensors(folder / entry.file, entry.digest)
    try:
        return SiteState.from_tensors(tensors, entry.info(name))
    except KeyError as error:
        raise IndexDamaged(f"index file {str(folder / entry.file)!r} lacks {error}") from error


def read_windows(folder: Path, manifest: Manifest) -> WindowStore:
    """The kept windows of an index."""
    tensors = files.read_tensors(folder / manifest.windows_file, manifest.windows_digest)
    listing = files.read_json(folder / manifest.documents_file, manifest.documents_digest)
    try:
        return WindowStore.from_tensors(tensors, list(listing["documents"]))
    except (KeyError, IndexError, TypeError) as error:
        raise IndexDamaged(f"the windows of index {str(folder)!r} cannot be read") from error


def _save(plan: CollectPlan, folder: Path, running: _Running) -> Manifest:
    """Write everything as a new generation, then let the manifest name it."""
    running.generation += 1
    suffix = f"{running.generation}.safetensors"
    entries = {}
    for site in plan.sites:
        if site.name not in running.sites:
            continue
        name = f"{site.name}.{suffix}"
        entries[site.name] = SiteEntry(
            width=site.width,
            layer=site.layer,
            non_negative=site.non_negative,
            histogram_every=1 if site.non_negative else HISTOGRAM_EVERY,
            file=name,
            digest=files.write_tensors(folder / name, running.sites[site.name].tensors()),
        )
    windows, documents = f"windows.{suffix}", f"documents.{running.generation}.json"
    listing = {"documents": running.windows.documents}
    spec = plan.subject.spec
    manifest = Manifest(
        key=plan.key,
        complete=False,
        shards_done=running.shards_done,
        subject=spec.name,
        spec={k: str(v) for k, v in asdict(spec).items()},
        spec_hash=spec.hash,
        tokenizer=spec.tokenizer,
        corpus=plan.corpus.name,
        corpus_fingerprint=plan.corpus.fingerprint,
        window=plan.window,
        per_document=plan.per_document,
        left_out_positions="beginning-of-text token and other positions added by the subject",
        sites=entries,
        windows_file=windows,
        windows_digest=files.write_tensors(folder / windows, running.windows.tensors()),
        documents_file=documents,
        documents_digest=files.write_json(folder / documents, listing),
        n_windows=running.n_windows,
        n_documents=running.n_documents,
        n_too_short=running.n_too_short,
        n_tokens=running.n_tokens,
        tokens_left_out=running.tokens_left_out,
        types=running.types,
        code_version=code_version(),
        seconds=running.seconds,
    )
    manifest.write(folder)
    _clean(folder)
    return manifest
