"""The sites of each finding, by which findings are listed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.ids import UnitId
from storage.columns import JsonText

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_AT_ONCE = 50


def upgrade() -> None:
    """Create the table, and fill it from the findings that there are."""
    op.create_table(
        "finding_sites",
        sa.Column("finding", sa.Integer(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("finding", "site", name="pk_finding_sites"),
        sa.ForeignKeyConstraint(["finding"], ["findings.number"], name="fk_finding_sites_finding"),
    )
    op.create_index("ix_finding_sites_site_finding", "finding_sites", ["site", "finding"])
    if not op.get_context().as_sql:
        _take_up(op.get_bind())


def _take_up(connection: sa.Connection) -> None:
    findings = sa.table("findings", sa.column("number"), sa.column("document", JsonText))
    sites = sa.table("finding_sites", sa.column("finding"), sa.column("site"))
    asked = sa.select(findings).order_by(findings.c.number).limit(_AT_ONCE)
    last = 0
    while rows := connection.execute(asked.where(findings.c.number > last)).all():
        last = rows[-1].number
        added: list[dict[str, Any]] = [
            {"finding": row.number, "site": site}
            for row in rows
            for site in {UnitId.parse(u["unit"]).site for u in row.document["units"]}
        ]
        if added:
            connection.execute(sa.insert(sites), added)
