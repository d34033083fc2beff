"""The tables as they are now. ``HEAD`` names the migration that makes them.

To change a table: change it here, add ``migrations/versions/v<next>_<what>.py`` whose
``down_revision`` is the old ``HEAD``, and set ``HEAD`` to its revision. A released migration is
never edited. ``tests/storage/test_storage_schema.py`` holds the three together: the migrated
database must equal these tables to the letter.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    column,
    event,
    table,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from storage.columns import AnyText, FiniteFloat, JsonText

HEAD = "0013"
VERSION_TABLE = "alembic_version"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

units = Table(
    "units",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("spec_hash", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("unit_index", Integer, nullable=False),
    # the highest explanation version given out so far; only ever raised
    Column("last_version", Integer, nullable=False),
    UniqueConstraint("subject", "site", "unit_index", "spec_hash"),
    CheckConstraint("unit_index >= 0", name="index_from_zero"),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("unit_number", Integer, ForeignKey("units.number"), nullable=False),
    Column("key", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("verdict", Text),
    Column("reason", AnyText),
    Column("started", Text, nullable=False),
    Column("finished", Text),
    Column("seconds", FiniteFloat),
    Column("document", JsonText),
    UniqueConstraint("id"),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status_known"),
    CheckConstraint("(status = 'running') = (finished IS NULL)", name="finished_or_running"),
    Index(None, "key", "finished"),
    Index(None, "unit_number"),
)

explanations = Table(
    "explanations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("unit_number", Integer, ForeignKey("units.number"), nullable=False),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("text", AnyText, nullable=False),
    Column("polarity", Text, nullable=False),
    Column("share", FiniteFloat),
    Column("method", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("symbols", Integer, nullable=False),
    Column("provenance", JsonText, nullable=False),
    Column("side", Text, nullable=False, server_default="input"),
    UniqueConstraint("unit_number", "version"),
    CheckConstraint("version >= 1", name="version_from_one"),
    Index(None, "run_id"),
)

explanation_words = Table(
    "explanation_words",
    metadata,
    # counts explanations in the order in which they were stored
    Column("number", Integer, primary_key=True),
    Column("explanation_id", Text, ForeignKey("explanations.id"), nullable=False),
    # how many words there are
    Column("length", Integer, nullable=False),
    # as storage.words codes them
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    UniqueConstraint("explanation_id"),
)

explanation_search = table("explanation_search", column("rowid"), column("explanation_search"))
"""SQLite's index of ``explanation_words``."""

for _statement, _dialect in (
    (
        "CREATE VIRTUAL TABLE explanation_search USING fts5(words, content='explanation_words', "
        "content_rowid='number', tokenize=\"ascii tokenchars '_'\")",
        "sqlite",
    ),
    (
        "CREATE TRIGGER explanation_words_added AFTER INSERT ON explanation_words BEGIN "
        "INSERT INTO explanation_search (rowid, words) VALUES (new.number, new.words); END",
        "sqlite",
    ),
    (
        "CREATE INDEX ix_explanation_words_words ON explanation_words USING gin (words)",
        "postgresql",
    ),
):
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(explanation_words, "after_create", _ddl.execute_if(dialect=_dialect))

explanation_vectors = Table(
    "explanation_vectors",
    metadata,
    Column("explanation_id", Text, ForeignKey("explanations.id"), primary_key=True),
    # the fingerprint of what gives texts directions
    Column("embedder", Text, primary_key=True),
    # float32, little-endian, of length one; all zeros where the text has no direction
    Column("vector", LargeBinary, nullable=False),
)

scores = Table(
    "scores",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("explanation_id", Text, ForeignKey("explanations.id"), nullable=False),
    Column("scorer", Text, nullable=False),
    Column("simulator", Text, nullable=False),
    Column("calibration", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("value", FiniteFloat),
    Column("low", FiniteFloat),
    Column("high", FiniteFloat),
    Column("n_excerpts", Integer, nullable=False),
    Column("n_tokens", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", AnyText),
    Column("null_mean", FiniteFloat),
    Column("null_p95", FiniteFloat),
    Column("null_units", Integer, nullable=False),
    Column("token_list_equal", FiniteFloat),
    Column("token_list_50", FiniteFloat),
    Column("token_table", FiniteFloat),
    Column("oracle", FiniteFloat),
    Column("measure", Text, nullable=False),
    Column("df", FiniteFloat),
    Column("caution", AnyText),
    Column("p_null", FiniteFloat),
    UniqueConstraint(
        "run_id",
        "explanation_id",
        "scorer",
        "measure",
        "simulator",
        "calibration",
        "mode",
        "split",
        name="uq_scores_figure",
    ),
    CheckConstraint(
        "value IS NOT NULL OR (status <> 'ok' AND reason IS NOT NULL)", name="value_or_reason"
    ),
    CheckConstraint("(low IS NULL) = (high IS NULL)", name="interval_has_two_ends"),
    Index(None, "explanation_id"),
)

experiments = Table(
    "experiments",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("description", AnyText, nullable=False),
    Column("input", JsonText, nullable=False),
    Column("outcome", JsonText, nullable=False),
    UniqueConstraint("run_id", "id"),
)

report_openings = Table(
    "report_openings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("explanation_id", Text, ForeignKey("explanations.id")),
    Column("reason", AnyText, nullable=False),
    Column("time", Text, nullable=False),
    Index(None, "run_id"),
    Index(None, "explanation_id"),
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("key", Text, nullable=False),
    # the key of a run, which may be written later or never
    Column("run", Text),
    Column("role", Text, nullable=False),
    Column("model", AnyText, nullable=False),
    Column("prompt", Text),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started", Text, nullable=False),
    Column("finished", Text, nullable=False),
    Column("seconds", FiniteFloat, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("usd", FiniteFloat),
    # what may be long comes last: SQLite reads a row up to the last column that it needs
    Column("error", AnyText),
    Column("request", JsonText, nullable=False),
    Column("response", JsonText),
    UniqueConstraint("id"),
    CheckConstraint("status IN ('ok', 'refused', 'truncated', 'failed')", name="status_known"),
    CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="error_if_failed"),
    CheckConstraint("status = 'failed' OR response IS NOT NULL", name="response_or_failed"),
    CheckConstraint("attempts >= 1", name="attempts_from_one"),
    CheckConstraint(
        "input_tokens >= 0 AND cached_tokens >= 0 AND output_tokens >= 0", name="tokens_from_zero"
    ),
    Index(None, "key", "started"),
    Index(None, "run", "started"),
    Index(None, "started"),
)

ratings = Table(
    "ratings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("explanation_id", Text, ForeignKey("explanations.id"), nullable=False),
    # whose excerpts were shown: in a control not the unit that the explanation speaks of
    Column("unit_number", Integer, ForeignKey("units.number"), nullable=False),
    Column("control", Boolean, nullable=False),
    Column("rater", AnyText, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("comment", AnyText),
    Column("time", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("seen", JsonText, nullable=False),
    UniqueConstraint("id"),
    CheckConstraint("rating BETWEEN 1 AND 5", name="one_to_five"),
    Index(None, "explanation_id"),
    Index(None, "unit_number"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("parameters", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", AnyText),
    Column("budget_usd", FiniteFloat),
    Column("max_calls", Integer),
    Column("concurrency", Integer, nullable=False),
    Column("engine", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("finished", Text),
    # the API key it was made with
    Column("owner", Text),
    Column("last_event", Integer, nullable=False, server_default="0"),
    UniqueConstraint("id"),
    CheckConstraint(
        "state IN ('queued', 'running', 'paused', 'cancelled', 'done')", name="state_known"
    ),
    CheckConstraint(
        "(state IN ('cancelled', 'done')) = (finished IS NOT NULL)", name="finished_or_open"
    ),
    CheckConstraint("concurrency >= 1", name="concurrency_from_one"),
    Index(None, "created"),
)

job_items = Table(
    "job_items",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("job", Text, ForeignKey("jobs.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    # the key of the run that its calls are recorded under, which may be written later or never
    Column("key", Text),
    Column("state", Text, nullable=False),
    # how often it was begun and not given back; with the worker, what a result is accepted by
    Column("attempts", Integer, nullable=False),
    Column("worker", Text),
    Column("lease_until", Text),
    Column("run_id", Text),
    Column("verdict", Text),
    Column("score", FiniteFloat),
    Column("null_p95", FiniteFloat),
    Column("error_code", Text),
    Column("error", AnyText),
    Column("started", Text),
    Column("finished", Text),
    Column("seconds", FiniteFloat),
    UniqueConstraint("job", "unit"),
    UniqueConstraint("job", "position"),
    CheckConstraint(
        "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state_known"
    ),
    CheckConstraint(
        "(state = 'running') = (lease_until IS NOT NULL)"
        " AND (state <> 'running' OR worker IS NOT NULL)",
        name="held_while_running",
    ),
    CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="error_if_failed"),
    CheckConstraint("attempts >= 0", name="attempts_from_zero"),
    Index(None, "job", "state", "position"),
)

run_notes = Table(
    "run_notes",
    metadata,
    # the key of a run under way, and what its investigation calls the note
    Column("run", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JsonText, nullable=False),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job", Text, ForeignKey("jobs.id"), primary_key=True),
    # counted by jobs.last_event
    Column("number", Integer, primary_key=True),
    Column("time", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JsonText, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("document", JsonText, nullable=False),
    UniqueConstraint("id"),
)

finding_sites = Table(
    "finding_sites",
    metadata,
    Column("finding", Integer, ForeignKey("findings.number"), primary_key=True),
    Column("site", Text, primary_key=True),
    Index(None, "site", "finding"),
)
