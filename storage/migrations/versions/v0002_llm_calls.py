"""Calls of language models."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "llm_calls",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("usd", sa.Double()),
        sa.Column("error", sa.Text()),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("response", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_llm_calls"),
        sa.UniqueConstraint("id", name="uq_llm_calls_id"),
        sa.CheckConstraint(
            "status IN ('ok', 'refused', 'truncated', 'failed')",
            name=op.f("ck_llm_calls_status_known"),
        ),
        sa.CheckConstraint(
            "(status = 'failed') = (error IS NOT NULL)", name=op.f("ck_llm_calls_error_if_failed")
        ),
        sa.CheckConstraint(
            "status = 'failed' OR response IS NOT NULL",
            name=op.f("ck_llm_calls_response_or_failed"),
        ),
        sa.CheckConstraint("attempts >= 1", name=op.f("ck_llm_calls_attempts_from_one")),
        sa.CheckConstraint(
            "input_tokens >= 0 AND cached_tokens >= 0 AND output_tokens >= 0",
            name=op.f("ck_llm_calls_tokens_from_zero"),
        ),
    )
    op.create_index("ix_llm_calls_key_started", "llm_calls", ["key", "started"])
    op.create_index("ix_llm_calls_run_started", "llm_calls", ["run", "started"])
    op.create_index("ix_llm_calls_started", "llm_calls", ["started"])
