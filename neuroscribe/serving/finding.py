"""Searches that load the machine: explanations by their meaning, units by what they fire on."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import HubUnavailable, MissingExtra, NeuroscribeError
from neuroscribe.meaning import Directions, Meant, search_by_meaning
from neuroscribe.serving.turns import Turns
from service.problems import ServiceError
from storage.found import MeaningPage
from storage.search_rows import Search

if TYPE_CHECKING:
    from core.settings import Settings
    from service.bodies import SearchAsked
    from storage import Store
    from subjects.embedding import Encoder

VECTORS_AT_ONCE = 256
"""Explanations that one request may give vectors; what remains is left to the next."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Finding:
    """What a desk searches with. The embedder is loaded by the first search that needs it."""

    settings: Settings
    store: Store
    _encoder: Encoder | None = None
    _directions: Directions = field(init=False)
    _comparing: Turns = field(init=False)
    _firing: Turns = field(init=False)

    def __post_init__(self) -> None:
        most = self.settings.service_queue
        self._comparing, self._firing = Turns(most, "searches"), Turns(most, "searches")
        self._directions = Directions()

    @property
    def embedder(self) -> str | None:
        """The embedder as it may be shown: the last part of its name, so that no folder is."""
        name = self.settings.service_embedder
        return None if name is None else Path(name).name

    async def by_meaning(self, asked: SearchAsked) -> MeaningPage:
        """Explanations that are nearest in meaning; :class:`ServiceError` 501 without an embedder.

        At most ``VECTORS_AT_ONCE`` explanations are given vectors; the page says how many wait.
        """
        async with self._comparing.one():
            return await asyncio.to_thread(self._by_meaning, asked)

    def _by_meaning(self, asked: SearchAsked) -> MeaningPage:
        meant = Meant(asked.q, _filters(asked))
        page = search_by_meaning(
            self.store,
            self._opened(),
            meant,
            limit=asked.limit,
            after=asked.after,
            most=VECTORS_AT_ONCE,
            held=self._directions,
        )
        return page.model_copy(update={"embedder": self.embedder})

    def firing(self) -> AbstractAsyncContextManager[None]:
        """The turn of one who looks for units that fire on a text."""
        return self._firing.one()

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
            except HubUnavailable as error:
                log.warning("the embedder cannot be fetched: %s", error)
                raise HubUnavailable(
                    "the embedder of this service is not there yet, and the hub cannot be reached",
                    "try again later, or search by words",
                ) from error
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
