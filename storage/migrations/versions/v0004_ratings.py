"""Ratings of explanations by people."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "ratings",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("explanation_id", sa.Text(), nullable=False),
        sa.Column("unit_number", sa.Integer(), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.Column("rater", sa.Text(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_ratings"),
        sa.UniqueConstraint("id", name="uq_ratings_id"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_ratings_one_to_five")),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name="fk_ratings_explanation_id"
        ),
        sa.ForeignKeyConstraint(["unit_number"], ["units.number"], name="fk_ratings_unit_number"),
    )
    op.create_index("ix_ratings_explanation_id", "ratings", ["explanation_id"])
    op.create_index("ix_ratings_unit_number", "ratings", ["unit_number"])
