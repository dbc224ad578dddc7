"""files: packing, NDJSON, CSV options, notes

Revision: 20261125_0800
Revises: 20261125_0215
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_0800"
down_revision = "20261125_0215"
branch_labels = None
depends_on = None

PACKING = (
    "VARCHAR(24) DEFAULT 'none' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_packing CHECK (packing IN ('none', 'gzip', 'zip'))"
)
WITHOUT_NDJSON = "format IN ('xlsx', 'csv', 'json', 'pdf')"
WITH_NDJSON = "format IN ('xlsx', 'csv', 'json', 'ndjson', 'pdf')"


def upgrade() -> None:
    op.execute(f"ALTER TABLE scheduled_exports ADD COLUMN packing {PACKING}")
    op.execute("ALTER TABLE dataset_versions ADD COLUMN csv_options JSON")
    op.execute("ALTER TABLE artifacts ADD COLUMN notes JSON")
    _replace_format_check(WITHOUT_NDJSON, WITH_NDJSON)


def downgrade() -> None:
    op.execute("UPDATE scheduled_exports SET format = 'json' WHERE format = 'ndjson'")
    _replace_format_check(WITH_NDJSON, WITHOUT_NDJSON)
    op.drop_column("artifacts", "notes")
    op.drop_column("dataset_versions", "csv_options")
    op.drop_column("scheduled_exports", "packing")


def _replace_format_check(old: str, new: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        name = "ck_scheduled_exports_exportformat"
        op.execute(f"ALTER TABLE scheduled_exports DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE scheduled_exports ADD CONSTRAINT {name} CHECK ({new})")
        return
    # SQLite alters no CHECK, but lets its text be edited where no row breaks it
    # (https://www.sqlite.org/lang_altertable.html, section 7: "Making Other Kinds Of Table Schema Changes").
    connection = op.get_bind()
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :old, :new)"
            " WHERE type = 'table' AND name = 'scheduled_exports' AND instr(sql, :old)"
        ),
        {"old": old, "new": new},
    ).rowcount
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
    if changed != 1:
        raise RuntimeError("the format's CHECK is not what the first migration made")
