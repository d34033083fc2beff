"""The composition root's state: one home folder with its subjects, indexes and store.

Nothing is loaded until it is asked for, and then once, whoever asks. A subject that is not built in
is registered once (``neuroscribe subjects add``) and known by its name from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IndexMissing, UnknownSubject
from core.hashing import fingerprint
from core.ids import site_kind
from core.settings import Settings, load_settings
from neuroscribe.holding import Holding
from neuroscribe.recipe import SubjectRecipe
from neuroscribe.register import Register
from subjects.hub import folder_of

if TYPE_CHECKING:
    from storage import Store
    from subjects.corpora.corpus import Corpus
    from subjects.index.collect import CollectPlan, Progress
    from subjects.index.reader import ActivationIndex
    from subjects.index.shard import Shards
    from subjects.protocol import Subject

_LOADED = (".safetensors", ".bin", ".json", ".txt", ".model", ".py")
"""Endings of the files of a folder that loading a model may read."""
DEMO_FOLDER = Path(__file__).resolve().parent.parent / "subjects" / "demo"


def folder_digest(folder: Path) -> str:
    """What a model's folder holds: names and bytes of its weights, settings, tokenizer and code."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.iterdir()):
        if path.suffix in _LOADED and path.name != "card.json" and path.is_file():
            with path.open("rb") as file:
                held = hashlib.file_digest(file, hashlib.blake2b).digest()
            digest.update(path.name.encode() + b"\0" + held)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class CorpusChoice:
    """Which text, cut how. ``per_document`` None is 16 windows for ``builtin``, else 64."""

    source: str = "builtin"
    column: str = "text"
    limit: int | None = None
    window: int = 64
    per_document: int | None = None

    def open(self) -> Corpus:
        """The corpus itself."""
        from subjects.corpora.open import open_corpus

        return open_corpus(self.source, column=self.column, limit=self.limit)

    @property
    def windows_per_document(self) -> int:
        """The cap in force."""
        if self.per_document is not None:
            return self.per_document
        return 16 if self.source == "builtin" else 64


@dataclass(slots=True)
class Workspace:
    """Subjects, indexes and the store under one home.

    With ``listed_only`` no subject is there but those that are built in or were registered: other
    names are looked for nowhere, neither in folders nor on a hub.
    """

    settings: Settings = field(default_factory=load_settings)
    trust_remote_code: bool = False
    holding: Holding = field(default_factory=Holding)
    listed_only: bool = False

    @property
    def home(self) -> Path:
        """The folder that holds everything."""
        return self.settings.home

    def registered(self) -> dict[str, dict[str, str]]:
        """Subjects added by the user: name to ``{"source", "revision"}``."""
        return Register(self.home).all()

    def register(self, name: str, source: str, revision: str | None) -> None:
        """Remember where subject ``name`` comes from; an existing other source is refused."""
        Register(self.home).add(name, source, revision)

    def subject(self, name: str) -> Subject:
        """The subject, loaded once; see :meth:`neuroscribe.holding.Holding.get`."""
        return self.holding.get(self.recipe(name))

    def recipe(self, name: str) -> SubjectRecipe:
        """How to load the subject, here or in another process; :class:`UnknownSubject`."""
        added = self.registered()
        entry = added.get(name)
        if entry is None:
            from subjects.registry import subject_names

            if self.listed_only and name not in subject_names():
                known = ", ".join([*subject_names(), *added])
                raise UnknownSubject(f"there is no subject {name!r}", f"known: {known}")
            return self.recipe_of(name, None, None)
        return self.recipe_of(name, entry["source"], entry["revision"] or None)

    def recipe_of(self, name: str, source: str | None, revision: str | None) -> SubjectRecipe:
        """How to load a subject that need not be registered."""
        return SubjectRecipe(
            name=name,
            source=source,
            revision=revision,
            device=self.settings.device,
            dtype=self.settings.dtype,
            threads=self.settings.threads,
            trust_remote_code=self.trust_remote_code,
        )

    def subject_identity(self, name: str) -> str:
        """What a stored answer about the subject depends on, told without loading it.

        Built-in and local models: a digest of their files. Models on the hub: ID and revision.
        """
        entry = self.registered().get(name)
        folder: Path | None = DEMO_FOLDER / ("demo" if name == "planted" else name)
        if entry is not None and name != "planted":
            folder = folder_of(entry["source"])
        if folder is None or not folder.is_dir():
            return fingerprint([name, entry, self.settings.dtype])
        return fingerprint([name, folder_digest(folder), self.settings.dtype])

    def plan(self, name: str, sites: list[str], choice: CorpusChoice) -> CollectPlan:
        """The collection that covers ``sites`` of a subject."""
        from subjects.index.collect import CollectPlan

        subject = self.subject(name)
        known = subject.sites()
        return CollectPlan(
            subject=subject,
            corpus=choice.open(),
            sites=[known[site] for site in sites],
            window=choice.window,
            per_document=choice.windows_per_document,
        )

    def sites_like(self, name: str, site: str) -> list[str]:
        """Every site of the same kind: they are collected in one pass."""
        return [s for s in self.subject(name).sites() if site_kind(s) == site_kind(site)]

    def index(
        self,
        name: str,
        site: str,
        choice: CorpusChoice,
        progress: Callable[[Progress], None] | None = None,
        engine: Shards | None = None,
    ) -> ActivationIndex:
        """The index that holds a site, collected now if it does not exist yet.

        ``engine`` collects it (default: this process), e.g. one of :mod:`neuroscribe.engines`.
        """
        return self.index_of(name, self.sites_like(name, site), choice, progress, engine)

    def index_of(
        self,
        name: str,
        sites: list[str],
        choice: CorpusChoice,
        progress: Callable[[Progress], None] | None = None,
        engine: Shards | None = None,
    ) -> ActivationIndex:
        """The index of exactly these sites, collected in one pass if it does not exist yet."""
        from subjects.index.collect import collect

        with self.holding.using(name):
            plan = self.plan(name, sites, choice)

            def collected() -> ActivationIndex:
                collect(plan, self.home, progress=progress, engine=engine)
                return self._opened(plan)

            return self.holding.beside(name, ("index", plan.key), collected)

    def index_if_there(self, name: str, site: str, choice: CorpusChoice) -> ActivationIndex | None:
        """:meth:`index`, None where it was not collected yet, while it is being collected too."""
        with self.holding.using(name):
            plan = self.plan(name, self.sites_like(name, site), choice)

            def opened() -> ActivationIndex | None:
                try:
                    return self._opened(plan)
                except IndexMissing:
                    return None

            return self.holding.looked_up(name, ("index", plan.key), opened)

    def _opened(self, plan: CollectPlan) -> ActivationIndex:
        from subjects.index.reader import ActivationIndex

        budget = self.settings.index_budget_mb << 20
        return ActivationIndex.open(plan.folder(self.home), plan.subject, budget)

    def store(self) -> Store:
        """The database, opened (and brought up to date)."""
        from storage import open_store

        return open_store(self.settings.database)
