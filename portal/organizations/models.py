"""Tenants, the people in them, and their signed-in sessions."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.permissions import Permission, Role, allows


class Organization(Identified, Base):
    """`email_domains` are those of its own people; null where those of its users' addresses count."""

    __tablename__ = "organizations"

    name: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    timezone: Mapped[str] = mapped_column(String(64), default="America/New_York")
    email_domains: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    branding: Mapped["OrganizationBranding | None"] = relationship()


class OrganizationBranding(Base):
    """Logo and colour of an organization that has chosen any; read by `branding.branding_of`."""

    __tablename__ = "brandings"
    __table_args__ = (
        CheckConstraint(
            "(logo IS NULL) = (logo_sha256 IS NULL) AND (logo IS NULL) = (logo_width IS NULL)"
            " AND (logo IS NULL) = (logo_height IS NULL)",
            name="logo_complete",
        ),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    colour: Mapped[str | None] = mapped_column(String(7))
    # Every page asks whether there is a logo; few need the picture itself.
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    logo_sha256: Mapped[str | None] = mapped_column(String(64))
    logo_width: Mapped[int | None]
    logo_height: Mapped[int | None]
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_by: Mapped[str] = mapped_column(String(320))


class DayOff(Identified, Base):
    """A day on which an organization does not work, beside the holidays of its country."""

    __tablename__ = "days_off"
    __table_args__ = (UniqueConstraint("organization_id", "day"),)

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    day: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(120))


class User(Identified, Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        Index("ix_users_organization_id_name", "organization_id", "name"),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(text_enum(Role))
    is_operator: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    organization: Mapped[Organization] = relationship(lazy="joined")

    def may(self, permission: Permission) -> bool:
        """Say whether this person holds a permission now."""
        return self.is_enabled and allows(self.role, permission)

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None and self.organization.archived_at is None


class UserSession(Identified, Base):
    """A sign-in. The browser holds the token; the database holds only its SHA-256."""

    __tablename__ = "user_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ip: Mapped[str | None] = mapped_column(String(45))
    agent: Mapped[str | None] = mapped_column(String(300))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
