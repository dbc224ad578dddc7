"""datasets: limits of their own, the source of each version; runs: since when a period counts that goes back to the last success

Revision: 20261125_1645
Revises: 20261125_1640
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1645"
down_revision = "20261125_1640"
branch_labels = None
depends_on = None

COLUMNS = {
    "row_limit": "INTEGER CONSTRAINT ck_dataset_versions_row_limit_positive CHECK (row_limit > 0)",
    "query_timeout": "INTEGER CONSTRAINT ck_dataset_versions_query_timeout_positive CHECK (query_timeout > 0)",
    "source_id": "INTEGER CONSTRAINT fk_dataset_versions_source_id REFERENCES data_sources (id)",
}


def upgrade() -> None:
    for name, definition in COLUMNS.items():
        op.execute(f"ALTER TABLE dataset_versions ADD COLUMN {name} {definition}")
    op.execute(
        "UPDATE dataset_versions SET source_id ="
        " (SELECT source_id FROM datasets WHERE datasets.id = dataset_versions.dataset_id)"
    )
    op.add_column("scheduled_export_runs", sa.Column("period_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("scheduled_export_runs", "period_since")
    for name in COLUMNS:  # each takes its own CHECK with it
        op.drop_column("dataset_versions", name)
