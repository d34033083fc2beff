"""What a score measures, how far its interval can be trusted, and its p-value under the null."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIGURE = ["run_id", "explanation_id", "scorer", "simulator", "calibration", "mode", "split"]


def upgrade() -> None:
    """Add the columns. Scores until now were correlations or explained variances."""
    op.add_column("scores", sa.Column("measure", sa.Text()))
    op.add_column("scores", sa.Column("df", sa.Double()))
    op.add_column("scores", sa.Column("caution", sa.Text()))
    op.add_column("scores", sa.Column("p_null", sa.Double()))
    op.execute(
        "UPDATE scores SET measure = CASE scorer WHEN 'explained_variance' "
        "THEN 'explained_variance' ELSE 'correlation' END"
    )
    with op.batch_alter_table("scores") as batch:
        batch.alter_column("measure", existing_type=sa.Text(), nullable=False)
        batch.drop_constraint("uq_scores_figure", type_="unique")
        batch.create_unique_constraint("uq_scores_figure", [*FIGURE[:3], "measure", *FIGURE[3:]])
