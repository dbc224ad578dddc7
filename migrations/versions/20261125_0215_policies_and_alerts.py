"""policies and alerts

Revision: 20261125_0215
Revises: 20261124_2330
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_0215"
down_revision = "20261124_2330"
branch_labels = None
depends_on = None

# Plain ALTER TABLE: Alembic's batch mode would copy the tables on SQLite and lose their CHECK constraints.
SCHEDULE_COLUMNS = {
    "misfire": "VARCHAR(24) DEFAULT 'latest' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_misfire CHECK (misfire IN ('latest', 'all', 'none'))",
    "overlap": "VARCHAR(24) DEFAULT 'queue' NOT NULL"
    " CONSTRAINT ck_scheduled_exports_overlap CHECK (overlap IN ('queue', 'skip', 'allow'))",
    "start_window": "INTEGER CONSTRAINT ck_scheduled_exports_start_window_positive"
    " CHECK (start_window IS NULL OR start_window > 0)",
}
ONE_AT_A_TIME = sa.text("status = 'RUNNING' AND one_at_a_time")
UNDER_WAY = sa.text("status IN ('QUEUED', 'RUNNING')")


def upgrade() -> None:
    op.create_table(
        "days_off",
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_days_off_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_days_off")),
        sa.UniqueConstraint("organization_id", "day", name=op.f("uq_days_off_organization_id_day")),
        sa.UniqueConstraint("public_id", name=op.f("uq_days_off_public_id")),
    )
    op.create_table(
        "alerts",
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "run failed",
                "run partial",
                "run missed",
                "schedule paused",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.String(length=22), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("send_error", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=320), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_alerts_organization_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["scheduled_exports.id"], name=op.f("fk_alerts_schedule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alerts_public_id")),
    )
    op.create_index("ix_alerts_organization_id_id", "alerts", ["organization_id", "id"])
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["organization_id", "cause", "schedule_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )

    for name, definition in SCHEDULE_COLUMNS.items():
        op.execute(f"ALTER TABLE scheduled_exports ADD COLUMN {name} {definition}")

    runs = "scheduled_export_runs"
    op.add_column(runs, sa.Column("one_at_a_time", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(runs, sa.Column("catches_up", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(runs, sa.Column("start_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column(runs, sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(runs, sa.Column("cancel_requested_by", sa.String(length=320), nullable=True))
    op.add_column(runs, sa.Column("rows_read", sa.BigInteger(), nullable=True))
    op.create_index(
        "uq_scheduled_export_runs_one_at_a_time",
        runs,
        ["schedule_id"],
        unique=True,
        sqlite_where=ONE_AT_A_TIME,
        postgresql_where=ONE_AT_A_TIME,
    )
    op.create_index(
        "ix_scheduled_export_runs_schedule_id_open",
        runs,
        ["schedule_id", "due_at"],
        sqlite_where=UNDER_WAY,
        postgresql_where=UNDER_WAY,
    )


def downgrade() -> None:
    runs = "scheduled_export_runs"
    op.drop_index("ix_scheduled_export_runs_schedule_id_open", table_name=runs)
    op.drop_index("uq_scheduled_export_runs_one_at_a_time", table_name=runs)
    for name in (
        "rows_read",
        "cancel_requested_by",
        "cancel_requested_at",
        "start_by",
        "catches_up",
        "one_at_a_time",
    ):
        op.drop_column(runs, name)
    for name in SCHEDULE_COLUMNS:  # each takes its own CHECK with it
        op.drop_column("scheduled_exports", name)
    op.drop_table("alerts")
    op.drop_table("days_off")
