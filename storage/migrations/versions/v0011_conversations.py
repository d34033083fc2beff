"""Conversations: whose they are, how they begin, how they stand, what they cost."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table. Conversations until now are not on the list, and can be gone on with."""
    op.create_table(
        "conversations",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated", sa.Text(), nullable=False),
        sa.Column("usd", sa.Double(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("forgotten", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "thread", name="pk_conversations"),
        sa.CheckConstraint(
            "state IN ('working', 'answered', 'waiting', 'interrupted')",
            name=op.f("ck_conversations_state_known"),
        ),
    )
