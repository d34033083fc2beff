"""The tables that only the service and the chat need: API keys and conversations."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, Table, Text, UniqueConstraint

from storage.columns import AnyText, FiniteFloat, JsonText
from storage.schema import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("name", AnyText, nullable=False),
    # of the secret that the key holds: it is random, so a plain hash of it will do
    Column("digest", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("expires", Text),
    Column("revoked", Text),
    Column("per_minute", Integer),
    Column("budget_usd", FiniteFloat),
    Column("max_calls", Integer),
    UniqueConstraint("id"),
    UniqueConstraint("digest"),
    CheckConstraint("scope IN ('read', 'run', 'admin')", name="scope_known"),
)

conversations = Table(
    "conversations",
    metadata,
    # the id of an API key, or "" where none is asked for
    Column("owner", Text, primary_key=True),
    Column("thread", Text, primary_key=True),
    Column("title", AnyText, nullable=False),
    # which language models speak, explain and simulate
    Column("choice", JsonText, nullable=False),
    Column("questions", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("usd", FiniteFloat, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("forgotten", Boolean, nullable=False),
    CheckConstraint(
        "state IN ('working', 'answered', 'waiting', 'interrupted')", name="state_known"
    ),
)
