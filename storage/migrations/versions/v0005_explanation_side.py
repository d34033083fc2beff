"""Which side of a unit an explanation is about."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Explanations until now are about what a unit reacts to."""
    side = sa.Column("side", sa.Text(), nullable=False, server_default="input")
    op.add_column("explanations", side)
