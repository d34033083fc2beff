"""API keys: who may ask, for what, how often, and for how much.

A key is ``ns_<id>_<secret>``. The store keeps the id and a hash of the secret: who reads the
database cannot use the keys in it. The secret is 256 random bits, so one round of SHA-256 will do.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import insert, select, update

from core.errors import NotStored
from core.results import Finite, Record
from storage.faults import translated
from storage.jobs import Limit, utc_text
from storage.part import Part
from storage.records import UtcTime
from storage.rows import fields
from storage.service_tables import api_keys

Scope = Literal["read", "run", "admin"]
_KEY = re.compile(r"ns_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class KeyRecord(Record):
    """What is known of a key but its secret.

    ``scope`` "run" includes "read", "admin" both. ``per_minute`` is how often it may ask,
    ``budget_usd`` and ``max_calls`` what all its jobs together may spend (``None``: no limit). It
    is of no use after ``expires``, or once it was ``revoked``.
    """

    id: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    scope: Scope
    created: UtcTime
    expires: UtcTime | None = None
    revoked: UtcTime | None = None
    per_minute: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    budget_usd: Annotated[Finite, Field(ge=0)] | None = None
    max_calls: Limit | None = None

    def ended(self, now: datetime | None = None) -> str | None:
        """Why it is of no use any more; None while it is."""
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and self.expires <= utc_text(now):
            return "expired"
        return None


class KeyStore(Part):
    """The keys of a database; may be shared by threads. Got from :attr:`storage.Store.keys`."""

    def create(
        self,
        name: str,
        scope: Scope,
        *,
        expires: datetime | None = None,
        per_minute: int | None = None,
        budget_usd: float | None = None,
        max_calls: int | None = None,
        now: datetime | None = None,
    ) -> tuple[KeyRecord, str]:
        """A new key, with its text: that is shown this once and never again."""
        secret = secrets.token_urlsafe(32)
        record = KeyRecord(
            id=secrets.token_hex(6),
            name=name,
            scope=scope,
            created=utc_text(now),
            expires=None if expires is None else utc_text(expires),
            per_minute=per_minute,
            budget_usd=budget_usd,
            max_calls=max_calls,
        )
        with self._writing() as connection:
            values = record.model_dump() | {"digest": _digest(secret)}
            connection.execute(insert(api_keys).values(values))
        return record, f"ns_{record.id}_{secret}"

    def find(self, key: str) -> KeyRecord | None:
        """The record of a key by its text, ended or not; None for a text that is no key of ours."""
        parts = _KEY.fullmatch(key)
        if parts is None:
            return None
        with self._reading() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == parts[1])).first()
        if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
            return None
        with translated(self._name):
            return KeyRecord(**fields(row, KeyRecord))

    def all(self) -> list[KeyRecord]:
        """Every key, oldest first."""
        with self._reading() as connection:
            rows = list(connection.execute(select(api_keys).order_by(api_keys.c.number)))
        with translated(self._name):
            return [KeyRecord(**fields(row, KeyRecord)) for row in rows]

    def revoke(self, id: str, *, now: datetime | None = None) -> KeyRecord:
        """End a key now; one that was revoked stays as it is. :class:`NotStored` without it."""
        with self._writing() as connection:
            here = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked.is_(None))
            connection.execute(here.values(revoked=utc_text(now)))
            row = connection.execute(select(api_keys).where(api_keys.c.id == id)).first()
        if row is None:
            raise NotStored(f"API key {id!r} is not in the store", "neuroscribe keys list")
        with translated(self._name):
            return KeyRecord(**fields(row, KeyRecord))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
