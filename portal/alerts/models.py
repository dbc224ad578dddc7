"""Who must be told of what: one open alert a cause, however often it happens."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.schedules.models import ScheduledExport


class Cause(StrEnum):
    RUN_FAILED = "run failed"
    RUN_PARTIAL = "run partial"
    RUN_MISSED = "run missed"
    ROWS_UNUSUAL = "rows unusual"
    SCHEDULE_PAUSED = "schedule paused"


class Alert(Identified, Base):
    """A cause that people are told of by mail: `count` times from `first_at` to `last_at`.

    `message` says what happened last, `run_id` (a public id) where. `sent_at` is when a mail about it was
    last tried, `told` the count that mail spoke of: 0 while none got through. `send_error` says who was not
    reached, and why. Open until it is acknowledged or over.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "uq_alerts_open",
            "organization_id",
            "cause",
            "schedule_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_alerts_organization_id_id", "organization_id", "id"),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    schedule_id: Mapped[int] = mapped_column(ForeignKey("scheduled_exports.id"))
    cause: Mapped[Cause] = mapped_column(text_enum(Cause))
    run_id: Mapped[str | None] = mapped_column(String(22))
    message: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)
    count: Mapped[int] = mapped_column(default=1)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    told: Mapped[int] = mapped_column(default=0)
    send_error: Mapped[str | None] = mapped_column(Text)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(320))
    note: Mapped[str | None] = mapped_column(String(300))
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    schedule: Mapped[ScheduledExport] = relationship()

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
