"""results: policies for empty, unchanged and changed ones, content hash, shape, warning

Revision: 20261125_1430
Revises: 20261125_1400
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1430"
down_revision = "20261125_1400"
branch_labels = None
depends_on = None

SCHEDULE_COLUMNS = {
    "empty": "VARCHAR(24) DEFAULT 'send' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_empty CHECK (empty IN ('send', 'skip', 'tell'))",
    "unchanged": "VARCHAR(24) DEFAULT 'send' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_unchanged CHECK (unchanged IN ('send', 'skip'))",
    "drift": "VARCHAR(24) DEFAULT 'stop' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_drift CHECK (drift IN ('stop', 'go on'))",
    "revision": "INTEGER DEFAULT 1 NOT NULL",
    "accepted_version_id": "INTEGER"
    " CONSTRAINT fk_scheduled_exports_accepted_version_id REFERENCES dataset_versions (id)",
    "shape": "JSON",
}
KNOWN = "'run failed', 'run partial', 'run missed', 'schedule paused'"
WITHOUT_ROWS = f"cause IN ({KNOWN})"
WITH_ROWS = "cause IN ('run failed', 'run partial', 'run missed', 'rows unusual', 'schedule paused')"


def upgrade() -> None:
    for name, definition in SCHEDULE_COLUMNS.items():
        op.execute(f"ALTER TABLE scheduled_exports ADD COLUMN {name} {definition}")
    runs = "scheduled_export_runs"
    op.add_column(runs, sa.Column("content_hash", sa.String(length=64), nullable=True))
    op.add_column(runs, sa.Column("shape", sa.JSON(), nullable=True))
    op.add_column(runs, sa.Column("told_empty", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(runs, sa.Column("warning", sa.Text(), nullable=True))
    # Nobody accepted anything yet: what a dataset has at the upgrade is what its schedules were saved with.
    op.execute(
        "UPDATE scheduled_exports SET accepted_version_id = (SELECT max(id) FROM dataset_versions"
        " WHERE dataset_versions.dataset_id = scheduled_exports.dataset_id)"
    )
    _replace_cause_check(WITHOUT_ROWS, WITH_ROWS)


def downgrade() -> None:
    op.execute("DELETE FROM alerts WHERE cause = 'rows unusual'")
    _replace_cause_check(WITH_ROWS, WITHOUT_ROWS)
    for name in ("warning", "told_empty", "shape", "content_hash"):
        op.drop_column("scheduled_export_runs", name)
    for name in SCHEDULE_COLUMNS:  # each takes its own CHECK with it
        op.drop_column("scheduled_exports", name)


def _replace_cause_check(old: str, new: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE alerts DROP CONSTRAINT ck_alerts_cause")
        op.execute(f"ALTER TABLE alerts ADD CONSTRAINT ck_alerts_cause CHECK ({new})")
        return
    # SQLite alters no CHECK, but lets its text be edited where no row breaks it
    # (https://www.sqlite.org/lang_altertable.html, section 7: "Making Other Kinds Of Table Schema Changes").
    connection = op.get_bind()
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :old, :new)"
            " WHERE type = 'table' AND name = 'alerts' AND instr(sql, :old)"
        ),
        {"old": old, "new": new},
    ).rowcount
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
    if changed != 1:
        raise RuntimeError("the cause's CHECK is not what an earlier migration made")
