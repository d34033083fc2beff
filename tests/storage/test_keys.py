"""API keys: made once, found by their text, of no use once they ended."""

from __future__ import annotations

import pytest
from job_times import at
from sqlalchemy import text

from core.errors import NotStored
from storage import Store


def test_a_key_is_found_by_its_text_and_nothing_else(store: Store) -> None:
    record, key = store.keys.create("lab", "run", per_minute=60, budget_usd=2.5, max_calls=9)
    assert store.keys.find(key) == record
    for wrong in ("", key[:-1], key[:-1] + ("A" if key[-1] != "A" else "B"), key + "x", "ns__"):
        assert store.keys.find(wrong) is None
    other, _ = store.keys.create("other", "read")
    swapped = key.replace(record.id, other.id)
    assert store.keys.find(swapped) is None
    assert [k.name for k in store.keys.all()] == ["lab", "other"]


def test_the_database_does_not_hold_the_secret(store: Store) -> None:
    _, key = store.keys.create("lab", "admin")
    secret = key.split("_", 2)[2]
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM api_keys")).all()
    assert secret not in repr(rows)


def test_keys_expire_and_are_revoked(store: Store) -> None:
    record, key = store.keys.create("lab", "read", expires=at(10), now=at(0))
    assert record.ended(at(9)) is None
    assert record.ended(at(10)) == "expired"
    revoked = store.keys.revoke(record.id, now=at(5))
    assert revoked.ended(at(6)) == "revoked"
    assert store.keys.revoke(record.id, now=at(7)) == revoked
    assert store.keys.find(key) == revoked
    with pytest.raises(NotStored):
        store.keys.revoke("000000000000")
