"""datasets: who saved a version

Revision: 20261125_1400
Revises: 20261125_0800
"""

from alembic import op


revision = "20261125_1400"
down_revision = "20261125_0800"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE dataset_versions ADD COLUMN created_by VARCHAR(320)")


def downgrade() -> None:
    op.drop_column("dataset_versions", "created_by")
