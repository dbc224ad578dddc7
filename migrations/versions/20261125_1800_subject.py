"""subject: a schedule exports a dataset or a report

Revision: 20261125_1800
Revises: 20261125_1700
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1800"
down_revision = "20261125_1700"
branch_labels = None
depends_on = None

ONE_SUBJECT = "(dataset_id IS NULL) <> (report_id IS NULL)"
REQUIRED, OPTIONAL = "dataset_id INTEGER NOT NULL", "dataset_id INTEGER"


def upgrade() -> None:
    _let_dataset_be(required=False)
    op.execute(
        "ALTER TABLE scheduled_exports ADD COLUMN report_id INTEGER"
        " CONSTRAINT fk_scheduled_exports_report_id REFERENCES reports (id)"
        f" CONSTRAINT ck_scheduled_exports_one_subject CHECK ({ONE_SUBJECT})"
    )


def downgrade() -> None:
    of_reports = sa.text("SELECT count(*) FROM scheduled_exports WHERE dataset_id IS NULL")
    if op.get_bind().execute(of_reports).scalar_one():
        raise RuntimeError("schedules of reports can't be kept: there was none in that version")
    op.drop_column("scheduled_exports", "report_id")  # takes its CHECK with it
    _let_dataset_be(required=True)


def _let_dataset_be(*, required: bool) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(
            f"ALTER TABLE scheduled_exports ALTER COLUMN dataset_id {'SET' if required else 'DROP'} NOT NULL"
        )
        return
    # SQLite can't alter a column, but lets its text be edited where no row breaks it
    # (https://www.sqlite.org/lang_altertable.html, section 7: "Making Other Kinds Of Table Schema Changes").
    old, new = (OPTIONAL, REQUIRED) if required else (REQUIRED, OPTIONAL)
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
        raise RuntimeError("the column of the dataset is not what an earlier migration made")
