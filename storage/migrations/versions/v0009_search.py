"""Words of explanations, which are searched for: FTS5 on SQLite, a tsvector on PostgreSQL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storage.columns import AnyText
from storage.words import as_tsvector, stored_words

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_FTS5 = (
    "CREATE VIRTUAL TABLE explanation_search USING fts5(words, content='explanation_words', "
    "content_rowid='number', tokenize=\"ascii tokenchars '_'\")",
    "CREATE TRIGGER explanation_words_added AFTER INSERT ON explanation_words BEGIN "
    "INSERT INTO explanation_search (rowid, words) VALUES (new.number, new.words); END",
)
_GIN = ("CREATE INDEX ix_explanation_words_words ON explanation_words USING gin (words)",)


def upgrade() -> None:
    """Add the table and its index, and take up the explanations that there are, oldest first."""
    op.create_table(
        "explanation_words",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("explanation_id", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column(
            "words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("number", name="pk_explanation_words"),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name="fk_explanation_words_explanation_id"
        ),
        sa.UniqueConstraint("explanation_id", name="uq_explanation_words_explanation_id"),
    )
    on_postgresql = op.get_context().dialect.name == "postgresql"
    for statement in _GIN if on_postgresql else _FTS5:
        op.execute(statement)
    if not op.get_context().as_sql:
        _take_up(op.get_bind(), on_postgresql)


def _take_up(connection: sa.Connection, on_postgresql: bool) -> None:
    runs = sa.table("runs", sa.column("id"), sa.column("number"))
    said = sa.table(
        "explanations",
        *(sa.column("id"), sa.column("run_id"), sa.column("version"), sa.column("text", AnyText)),
    )
    place = sa.tuple_(runs.c.number, said.c.version)
    asked = sa.select(said, runs.c.number).join(runs, said.c.run_id == runs.c.id).limit(_AT_ONCE)
    words = "CAST(:words AS tsvector)" if on_postgresql else ":words"
    added = sa.text(
        "INSERT INTO explanation_words (explanation_id, length, words) "
        f"VALUES (:explanation_id, :length, {words})"
    )
    last = (-1, -1)
    while found := connection.execute(asked.where(place > last).order_by(*place)).all():
        rows = []
        for row in found:
            codes = stored_words(row.text)
            text = as_tsvector(codes) if on_postgresql else " ".join(codes)
            rows.append({"explanation_id": row.id, "length": len(codes), "words": text})
        connection.execute(added, rows)
        last = (found[-1].number, found[-1].version)
