"""Searches of the service: explanations by words and by meaning, units by what they fire on."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import MissingExtra, NeuroscribeError
from service.problems import ServiceError
from storage.found import MeaningPage, SearchPage
from storage.search_rows import Search

if TYPE_CHECKING:
    from core.settings import Settings
    from neuroscribe.firing import IndexOf
    from service.bodies import FiringBody, SearchAsked
    from service.documents import FiringFound
    from storage import Store
    from subjects.embedding import Encoder
    from subjects.protocol import Subject

VECTORS_AT_ONCE = 256
"""Explanations that one request may give vectors; what remains is left to the next."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Finding:
    """What a desk searches with. The embedder is loaded by the first search that needs it."""

    settings: Settings
    store: Store
    _encoder: Encoder | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _firing_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0

    @property
    def embedder(self) -> str | None:
        """The embedder as it may be shown: of a folder only its name."""
        name = self.settings.service_embedder
        return name if name is None or not Path(name).is_absolute() else Path(name).name

    async def by_words(self, asked: SearchAsked) -> SearchPage:
        """Explanations that hold words, best match first."""
        return await asyncio.to_thread(
            self.store.search,
            asked.q,
            subject=asked.subject,
            site=asked.site,
            verdict=asked.verdict,
            method=asked.method,
            min_score=asked.min_score,
            only_newest=not asked.everything,
            limit=asked.limit,
            after=asked.after,
        )

    async def by_meaning(self, asked: SearchAsked) -> MeaningPage:
        """Explanations that are nearest in meaning; :class:`ServiceError` 501 without an embedder.

        At most ``VECTORS_AT_ONCE`` explanations are given vectors; the page says how many wait.
        """
        return await asyncio.to_thread(self._by_meaning, asked)

    def _by_meaning(self, asked: SearchAsked) -> MeaningPage:
        from neuroscribe.meaning import Meant, search_by_meaning

        meant = Meant(asked.q, _filters(asked))
        with self._turn:
            page = search_by_meaning(
                self.store,
                self._opened(),
                meant,
                limit=asked.limit,
                after=asked.after,
                most=VECTORS_AT_ONCE,
            )
        return page.model_copy(update={"embedder": self.embedder})

    async def firing(self, subject: Subject, body: FiringBody, index_of: IndexOf) -> FiringFound:
        """Units that fire on a text, one request at a time.

        :class:`ServiceError` 503 where too many wait.
        """
        from neuroscribe.firing import fires_on

        if self._waiting >= self.settings.service_queue:
            raise ServiceError(
                503, "queue_full", f"{self._waiting} such searches wait already", "try again soon"
            )
        find = partial(fires_on, subject, body.text, index_of, self.store)
        self._waiting += 1
        try:
            async with self._firing_turn:
                return await asyncio.to_thread(find, site=body.site, limit=body.limit)
        finally:
            self._waiting -= 1

    def _opened(self) -> Encoder:
        name = self.settings.service_embedder
        if name is None:
            raise ServiceError(
                501,
                "no_embedder",
                "this service does not compare meanings",
                "start it with NEUROSCRIBE_SERVICE_EMBEDDER=minilm, or search by words",
            )
        if self._encoder is None:
            from neuroscribe.embedders import open_encoder

            try:
                self._encoder = open_encoder(name, None, self.settings)
            except MissingExtra:
                raise
            except NeuroscribeError as error:
                log.warning("the embedder cannot be used: %s", error)
                raise ServiceError(
                    501,
                    "embedder_unusable",
                    "the embedder of this service cannot be used",
                    "its log says why; search by words",
                ) from error
        return self._encoder


def _filters(asked: SearchAsked) -> Search:
    return Search(
        subject=asked.subject,
        site=asked.site,
        verdict=asked.verdict,
        method=asked.method,
        min_score=asked.min_score,
        only_newest=not asked.everything,
    )
