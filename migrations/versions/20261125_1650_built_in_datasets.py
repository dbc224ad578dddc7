"""dataset versions: what the query of a built-in one was made from

Revision: 20261125_1650
Revises: 20261125_1645
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1650"
down_revision = "20261125_1645"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dataset_versions", sa.Column("built_in", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("dataset_versions", "built_in")
