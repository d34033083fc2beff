"""Jobs and their items: many units asked about at once, by several workers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("budget_usd", sa.Double()),
        sa.Column("max_calls", sa.Integer()),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("updated", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'paused', 'cancelled', 'done')",
            name=op.f("ck_jobs_state_known"),
        ),
        sa.CheckConstraint(
            "(state IN ('cancelled', 'done')) = (finished IS NOT NULL)",
            name=op.f("ck_jobs_finished_or_open"),
        ),
        sa.CheckConstraint("concurrency >= 1", name=op.f("ck_jobs_concurrency_from_one")),
    )
    op.create_index("ix_jobs_created", "jobs", ["created"])
    op.create_table(
        "job_items",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.Text()),
        sa.Column("run_id", sa.Text()),
        sa.Column("verdict", sa.Text()),
        sa.Column("score", sa.Double()),
        sa.Column("null_p95", sa.Double()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("started", sa.Text()),
        sa.Column("finished", sa.Text()),
        sa.Column("seconds", sa.Double()),
        sa.PrimaryKeyConstraint("number", name="pk_job_items"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_job_items_job"),
        sa.UniqueConstraint("job", "unit", name="uq_job_items_job_unit"),
        sa.UniqueConstraint("job", "position", name="uq_job_items_job_position"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_job_items_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until IS NOT NULL)"
            " AND (state <> 'running' OR worker IS NOT NULL)",
            name=op.f("ck_job_items_held_while_running"),
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (error IS NOT NULL)", name=op.f("ck_job_items_error_if_failed")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_job_items_attempts_from_zero")),
    )
    op.create_index("ix_job_items_job_state_position", "job_items", ["job", "state", "position"])
