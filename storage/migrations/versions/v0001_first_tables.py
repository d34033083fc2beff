"""Units, runs, explanations, scores, experiments and report openings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _units_and_runs()
    _explanations_and_scores()
    _experiments_and_openings()


def _units_and_runs() -> None:
    op.create_table(
        "units",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("spec_hash", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("unit_index", sa.Integer(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_units"),
        sa.UniqueConstraint(
            "subject",
            "site",
            "unit_index",
            "spec_hash",
            name="uq_units_subject_site_unit_index_spec_hash",
        ),
        sa.CheckConstraint("unit_index >= 0", name=op.f("ck_units_index_from_zero")),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("unit_number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("finished", sa.Text()),
        sa.Column("seconds", sa.Double()),
        sa.Column("document", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'failed')", name=op.f("ck_runs_status_known")
        ),
        sa.CheckConstraint(
            "(status = 'running') = (finished IS NULL)", name=op.f("ck_runs_finished_or_running")
        ),
        sa.ForeignKeyConstraint(["unit_number"], ["units.number"], name="fk_runs_unit_number"),
    )
    op.create_index("ix_runs_key_finished", "runs", ["key", "finished"])
    op.create_index("ix_runs_unit_number", "runs", ["unit_number"])


def _explanations_and_scores() -> None:
    op.create_table(
        "explanations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("unit_number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("polarity", sa.Text(), nullable=False),
        sa.Column("share", sa.Double()),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("symbols", sa.Integer(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_explanations"),
        sa.UniqueConstraint("unit_number", "version", name="uq_explanations_unit_number_version"),
        sa.CheckConstraint("version >= 1", name=op.f("ck_explanations_version_from_one")),
        sa.ForeignKeyConstraint(
            ["unit_number"], ["units.number"], name="fk_explanations_unit_number"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_explanations_run_id"),
    )
    op.create_index("ix_explanations_run_id", "explanations", ["run_id"])
    op.create_table(
        "scores",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("explanation_id", sa.Text(), nullable=False),
        sa.Column("scorer", sa.Text(), nullable=False),
        sa.Column("simulator", sa.Text(), nullable=False),
        sa.Column("calibration", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("n_excerpts", sa.Integer(), nullable=False),
        sa.Column("n_tokens", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("null_mean", sa.Double()),
        sa.Column("null_p95", sa.Double()),
        sa.Column("null_units", sa.Integer(), nullable=False),
        sa.Column("token_list_equal", sa.Double()),
        sa.Column("token_list_50", sa.Double()),
        sa.Column("token_table", sa.Double()),
        sa.Column("oracle", sa.Double()),
        sa.PrimaryKeyConstraint("number", name="pk_scores"),
        sa.UniqueConstraint(
            "run_id",
            "explanation_id",
            "scorer",
            "simulator",
            "calibration",
            "mode",
            "split",
            name="uq_scores_figure",
        ),
        sa.CheckConstraint(
            "value IS NOT NULL OR (status <> 'ok' AND reason IS NOT NULL)",
            name=op.f("ck_scores_value_or_reason"),
        ),
        sa.CheckConstraint(
            "(low IS NULL) = (high IS NULL)", name=op.f("ck_scores_interval_has_two_ends")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_scores_run_id"),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name="fk_scores_explanation_id"
        ),
    )
    op.create_index("ix_scores_explanation_id", "scores", ["explanation_id"])


def _experiments_and_openings() -> None:
    op.create_table(
        "experiments",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_experiments"),
        sa.UniqueConstraint("run_id", "id", name="uq_experiments_run_id_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_experiments_run_id"),
    )
    op.create_table(
        "report_openings",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("explanation_id", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_report_openings"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_report_openings_run_id"),
        sa.ForeignKeyConstraint(
            ["explanation_id"], ["explanations.id"], name="fk_report_openings_explanation_id"
        ),
    )
    op.create_index("ix_report_openings_run_id", "report_openings", ["run_id"])
    op.create_index("ix_report_openings_explanation_id", "report_openings", ["explanation_id"])
