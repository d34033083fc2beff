"""Directions of explanations, by which they are searched for in their meaning."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; vectors are made by the first search that wants them."""
    op.create_table(
        "explanation_vectors",
        sa.Column("explanation_id", sa.Text(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("explanation_id", "embedder", name="pk_explanation_vectors"),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name="fk_explanation_vectors_explanation_id"
        ),
    )
