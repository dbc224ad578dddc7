"""What happened: a run for each occurrence, its attempts, its log, its file."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.schedules.models import ScheduledExport


class RunStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DELIVERING = "DELIVERING"
    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"
    CANCELLED = "CANCELLED"


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.DELIVERING)
DELIVERED = (RunStatus.SUCCESS, RunStatus.PARTIAL)
NEEDS_MENDING = (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.MISSED)


class Trigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    TEST = "test"


class ScheduledExportRun(Identified, Base):
    """One occurrence and its fate.

    `snapshot` is the schedule as it stood when the run was made; nothing later changes what a run does.
    A worker owns the run while it holds `lease_token`; null means at once for `not_before`, when a worker
    may next claim it. Of a schedule's runs that are `one_at_a_time` only one is RUNNING. A run `catches_up`
    when it was made late for a schedule that wants every occurrence. Past `start_by` it may not start.

    `period_since` is when a period since the last success begins, settled when the run is first prepared.
    `content_hash` is that of what was read (`datasets.fingerprint`), where somebody wants to compare it;
    `shape` what its columns held, where nothing was known of that. `told_empty` means that its recipients
    are told that there were no rows, and get no file. `warning` is a sentence on what is unusual about it.
    """

    __tablename__ = "scheduled_export_runs"
    __table_args__ = (
        Index(
            "uq_scheduled_export_runs_occurrence",
            "schedule_id",
            "due_at",
            unique=True,
            sqlite_where=text("trigger = 'schedule'"),
            postgresql_where=text("trigger = 'schedule'"),
        ),
        Index(
            "uq_scheduled_export_runs_one_at_a_time",
            "schedule_id",
            unique=True,
            sqlite_where=text("status = 'RUNNING' AND one_at_a_time"),
            postgresql_where=text("status = 'RUNNING' AND one_at_a_time"),
        ),
        Index("ix_scheduled_export_runs_schedule_id_id", "schedule_id", "id"),
        Index("ix_scheduled_export_runs_organization_id_due_at", "organization_id", "due_at"),
        Index("ix_scheduled_export_runs_organization_id_id", "organization_id", "id"),
        Index("ix_scheduled_export_runs_organization_id_status_id", "organization_id", "status", "id"),
        Index(
            "ix_scheduled_export_runs_unfinished",
            "status",
            "not_before",
            sqlite_where=text("status IN ('QUEUED', 'RUNNING', 'DELIVERING')"),
            postgresql_where=text("status IN ('QUEUED', 'RUNNING', 'DELIVERING')"),
        ),
        Index(
            "ix_scheduled_export_runs_schedule_id_open",
            "schedule_id",
            "due_at",
            sqlite_where=text("status IN ('QUEUED', 'RUNNING')"),
            postgresql_where=text("status IN ('QUEUED', 'RUNNING')"),
        ),
        CheckConstraint("trigger = 'test' OR schedule_id IS NOT NULL", name="belongs_to_schedule"),
        CheckConstraint("status NOT IN ('RUNNING') OR lease_token IS NOT NULL", name="running_is_leased"),
        CheckConstraint(
            "completed_at IS NULL OR started_at IS NOT NULL"
            " OR status IN ('SKIPPED', 'MISSED', 'CANCELLED', 'FAILED')",
            name="completed_was_started",
        ),
        CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'DELIVERING') = (completed_at IS NULL)",
            name="final_is_completed",
        ),
        CheckConstraint(
            "status NOT IN ('SUCCESS', 'PARTIAL') OR row_count IS NOT NULL", name="delivered_has_rows"
        ),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("scheduled_exports.id"))
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    trigger: Mapped[Trigger] = mapped_column(text_enum(Trigger))
    requested_by: Mapped[str | None] = mapped_column(String(320))
    status: Mapped[RunStatus] = mapped_column(text_enum(RunStatus), default=RunStatus.QUEUED)
    reason: Mapped[str | None] = mapped_column(String(300))
    stage: Mapped[str | None] = mapped_column(String(24))
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)
    resolved_parameters: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    period_since: Mapped[datetime | None] = mapped_column(UTCDateTime)

    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    one_at_a_time: Mapped[bool] = mapped_column(default=False, server_default=false())
    catches_up: Mapped[bool] = mapped_column(default=False, server_default=false())
    start_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempt: Mapped[int] = mapped_column(default=0)
    retries_left: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None] = mapped_column(String(22))
    lease_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    cancel_requested_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancel_requested_by: Mapped[str | None] = mapped_column(String(320))

    rows_read: Mapped[int | None] = mapped_column(BigInteger)
    row_count: Mapped[int | None] = mapped_column(BigInteger)
    more_rows: Mapped[bool | None]
    content_hash: Mapped[str | None] = mapped_column(String(64))
    shape: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    told_empty: Mapped[bool] = mapped_column(default=False, server_default=false())
    warning: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[str | None] = mapped_column(Text)

    schedule: Mapped[ScheduledExport | None] = relationship()
    attempts: Mapped[list["RunAttempt"]] = relationship(order_by="RunAttempt.number", viewonly=True)
    events: Mapped[list["RunEvent"]] = relationship(order_by="RunEvent.id", viewonly=True)
    artifact: Mapped["Artifact | None"] = relationship(viewonly=True)

    @property
    def can_send_again(self) -> bool:
        """Say whether there is something that can be sent anew: the stored file, or word of no rows."""
        return self.told_empty or (self.artifact is not None and self.artifact.removed_at is None)

    @property
    def what_is_sent(self) -> str:
        """Name what its recipients get."""
        return "the mail" if self.told_empty else "the file"


class RunAttempt(Base):
    """One worker's try at a run. Retries, automatic or by hand, are further attempts of the same run."""

    __tablename__ = "run_attempts"
    __table_args__ = (Index("uq_run_attempts_run_id_number", "run_id", "number", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("scheduled_export_runs.id"))
    number: Mapped[int]
    worker: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    outcome: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)


class RunEvent(Base):
    """A line of the run's own log. `tone` is a status name that colours it: success, partial, failed …"""

    __tablename__ = "run_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("scheduled_export_runs.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    tone: Mapped[str | None] = mapped_column(String(24))
    message: Mapped[str] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)


class Artifact(Identified, Base):
    """The file of a run: complete and hashed, or not there at all.

    `notes` are sentences on what was changed on the way into the file (`exporters.base.Written`).
    """

    __tablename__ = "artifacts"

    run_id: Mapped[int] = mapped_column(ForeignKey("scheduled_export_runs.id"), unique=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    filename: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int] = mapped_column(BigInteger)
    notes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    storage_key: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
