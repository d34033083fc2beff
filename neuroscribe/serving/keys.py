"""Callers by their API keys, out of the store; what was found is known for a moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.auth import Caller, unauthorized

if TYPE_CHECKING:
    from storage import KeyRecord, Store

SECONDS = 5.0
"""For so long a key goes on being accepted after it was revoked by another process."""
MOST = 1024


@dataclass(slots=True)
class StoredKeys:
    """See :class:`service.auth.Keys`."""

    store: Store
    _known: dict[str, tuple[float, KeyRecord]] = field(default_factory=dict)

    async def caller(self, key: str) -> Caller:
        """Whose key it is."""
        until, record = self._known.get(key, (0.0, None))
        if record is None or until < time.monotonic():
            record = await asyncio.to_thread(self.store.keys.find, key)
            if record is None:
                raise unauthorized("key_unknown", "this API key is not known")
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = time.monotonic() + SECONDS, record
        if (ended := record.ended()) is not None:
            raise unauthorized(f"key_{ended}", f"this API key is {ended}")
        return Caller(
            record.id, record.scope, record.per_minute, record.budget_usd, record.max_calls
        )
