"""Reports of an organization and their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime
from portal.organizations.models import Organization
from portal.reports.sections import Section


class Report(Identified, Base):
    """A report with a name. What it shows is in its versions; the newest one counts for new runs."""

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    organization: Mapped[Organization] = relationship()
    versions: Mapped[list["ReportVersion"]] = relationship(
        back_populates="report", order_by="ReportVersion.number"
    )


class ReportVersion(Base):
    """What a report shows at one time. Never changed: a run names the version it used.

    `sections` are `sections.Section` in order, `period` is the one shown unless another is chosen
    (`datasets.periods`), `created_by` who saved it, by e-mail address; none for the system.
    """

    __tablename__ = "report_versions"
    __table_args__ = (UniqueConstraint("report_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    number: Mapped[int]
    sections: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    period: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str | None] = mapped_column(String(320))

    report: Mapped[Report] = relationship(back_populates="versions")

    @property
    def parts(self) -> tuple[Section, ...]:
        return tuple(Section.from_dict(section) for section in self.sections)
