"""What is asked of ``find probe``: which features, on which text, at which sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InvalidSetting
from core.ids import site_kind
from discovery.probing.plan import ProbeSettings
from discovery.probing.sampling import Sampling
from neuroscribe.workspace import CorpusChoice

if TYPE_CHECKING:
    from discovery.probing.builders.catalogue import Source
    from discovery.probing.labels import Collection
    from subjects.protocol import SiteInfo


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A run on one subject.

    Attributes:
        subject: Its name.
        collection: One of :data:`discovery.probing.builders.catalogue.COLLECTIONS`.
        features: Only these of the collection (empty: all).
        files: Label files of the collection.
        options: Options of the collection.
        corpus: The text, where the collection needs one.
        sites: Names (``mlp.2``) or kinds (``mlp``) of sites.
        sampling: How rows are drawn.
        settings: How they are probed.
    """

    subject: str
    collection: str
    features: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    corpus: CorpusChoice = field(default_factory=CorpusChoice)
    sites: tuple[str, ...] = ("mlp",)
    sampling: Sampling = field(default_factory=Sampling)
    settings: ProbeSettings = field(default_factory=ProbeSettings)

    def check(self) -> Source:
        """Which collection it is, if it can be opened so; neither text nor file is read.

        Raises :class:`InvalidSetting` for names, files and options that do not go together.
        """
        from discovery.probing.builders.catalogue import checked

        if "files" in self.options:
            raise InvalidSetting("'files' is no option of a collection", "give --labels FILE")
        return checked(self.collection, files=self.files, **self.options)

    def open(self) -> Collection:
        """The collection, cut down to the features asked for.

        Raises :class:`InvalidSetting` for features that it does not have.
        """
        from discovery.probing.builders.catalogue import open_collection

        corpus = self.corpus.open() if self.check().corpus else None
        opened = open_collection(self.collection, corpus, files=self.files, **self.options)
        return only(opened, self.features)


def only(collection: Collection, features: Sequence[str]) -> Collection:
    """A collection with some of its features, in the collection's order; all where none is named.

    Raises :class:`InvalidSetting` for those that it does not have.
    """
    from dataclasses import replace

    from core.hashing import fingerprint

    if not features:
        return collection
    names = [feature.name for feature in collection.features]
    for name in features:
        if name not in names:
            raise InvalidSetting(
                f"collection {collection.name!r} has no feature {name!r}",
                f"it has: {', '.join(names)}",
            )
    kept = tuple(feature for feature in collection.features if feature.name in features)
    return replace(
        collection,
        features=kept,
        fingerprint=fingerprint([collection.fingerprint, [feature.name for feature in kept]]),
    )


def sites_named(asked: Sequence[str], known: Mapping[str, SiteInfo]) -> tuple[str, ...]:
    """``mlp`` as all sites of that kind, in the subject's order; other names as they are.

    Raises :class:`InvalidSetting` where a name is neither.
    """
    for name in asked:
        if name not in known and name not in {site_kind(site) for site in known}:
            raise InvalidSetting(
                f"{name!r} is no site and no kind of sites", f"sites: {', '.join(known)}"
            )
    return tuple(site for site in known if site in asked or site_kind(site) in asked)
