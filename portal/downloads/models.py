"""Signed links to files, and the log of what was fetched through them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime
from portal.runs.models import Artifact


class DownloadLink(Identified, Base):
    """A way to one file for one recipient. The signed `public_id` is the URL; this row can revoke it."""

    __tablename__ = "download_links"
    __table_args__ = (UniqueConstraint("artifact_id", "delivery_id"),)

    artifact_id: Mapped[int] = mapped_column(ForeignKey("artifacts.id"))
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    recipient: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    artifact: Mapped[Artifact] = relationship(lazy="joined", innerjoin=True)


class DownloadEvent(Base):
    """One fetch of the file. `link_id` is null when somebody signed in took it from the run's page."""

    __tablename__ = "download_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    artifact_id: Mapped[int] = mapped_column(ForeignKey("artifacts.id"), index=True)
    link_id: Mapped[int | None] = mapped_column(ForeignKey("download_links.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    ip: Mapped[str | None] = mapped_column(String(45))
    agent: Mapped[str | None] = mapped_column(String(300))
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    completed: Mapped[bool] = mapped_column(default=False)
