"""choices: columns by group and mark, own headers, sort, row limit; approval of what goes outside

Revision: 20261125_1640
Revises: 20261125_1635
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1640"
down_revision = "20261125_1635"
branch_labels = None
depends_on = None

CHOICES = ("column_groups", "excluded_tags", "column_labels", "sort", "approval")
LIMIT = "INTEGER CONSTRAINT ck_scheduled_exports_row_limit_positive CHECK (row_limit > 0)"


def upgrade() -> None:
    for name in CHOICES:
        op.add_column("scheduled_exports", sa.Column(name, sa.JSON(), nullable=True))
    op.execute(f"ALTER TABLE scheduled_exports ADD COLUMN row_limit {LIMIT}")
    waits = sa.Column("waits_for_approval", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("scheduled_exports", waits)
    op.add_column("organizations", sa.Column("email_domains", sa.JSON(), nullable=True))
    op.add_column("scheduled_export_runs", sa.Column("more_rows", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("scheduled_export_runs", "more_rows")
    op.drop_column("organizations", "email_domains")
    for name in ("waits_for_approval", "row_limit", *CHOICES):
        op.drop_column("scheduled_exports", name)
