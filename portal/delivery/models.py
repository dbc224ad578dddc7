"""The delivery ledger: one row a target, one row a try, with the server's own words."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.schedules.models import Channel


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNKNOWN = "unknown"


OPEN = (DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.DEFERRED)


class Delivery(Identified, Base):
    """What became of one target of a run. `first_tried_at` starts the 24 hours of retrying.
    `resends` counts the times somebody had it sent anew by hand, each with a Message-ID of its own.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("run_id", "channel", "target"),
        Index(
            "ix_deliveries_next_attempt_at",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("scheduled_export_runs.id"))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    target: Mapped[str] = mapped_column(String(320))
    status: Mapped[DeliveryStatus] = mapped_column(text_enum(DeliveryStatus), default=DeliveryStatus.PENDING)
    message_id: Mapped[str | None] = mapped_column(String(200))
    next_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    first_tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str | None] = mapped_column(String(300))
    resends: Mapped[int] = mapped_column(default=0)

    attempts: Mapped[list["DeliveryAttempt"]] = relationship(order_by="DeliveryAttempt.id", viewonly=True)


class DeliveryAttempt(Base):
    """One try. `code` and `enhanced` (RFC 3463) are the server's, `reply` its text."""

    __tablename__ = "delivery_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    status: Mapped[DeliveryStatus] = mapped_column(text_enum(DeliveryStatus))
    message_id: Mapped[str | None] = mapped_column(String(200))
    code: Mapped[int | None]
    enhanced: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str] = mapped_column(Text, default="")
