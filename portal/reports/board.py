"""The built-in board report: its datasets over a source, and its sections over them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from portal.audit import service as audit
from portal.datasets import service as datasets
from portal.datasets.export_type import ExportType
from portal.datasets.models import Dataset
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import Organization
from portal.reports.board_queries import PERIOD, BoardQuery, board_queries
from portal.reports.comparison import DEFAULT
from portal.reports.figures import Better
from portal.reports.models import Report, ReportVersion
from portal.reports.numbers import Unit
from portal.reports.sections import Section, SectionKind, Width
from portal.sources.models import DataSource

NAME = "Board report"
DESCRIPTION = "Cases and disclosures of a period for the board: figures, trend, breakdowns, what is overdue."


def board_sections(ids: Mapping[str, str]) -> tuple[Section, ...]:
    """Return the sections; `ids` are public ids of datasets by the key of their query."""
    figures, disclosures = ids["figures"], ids["disclosures"]

    def kpi(title: str, column: str, better: Better, unit: Unit = Unit.COUNT) -> Section:
        return Section(SectionKind.KPI, title, figures, (column,), unit=unit, better=better)

    def counted(kind: SectionKind, by: str) -> Section:
        return Section(
            kind,
            f"Cases opened by {by.lower()}",
            ids["breakdowns"],
            ("cases",),
            category="name",
            only_column="kind",
            only_value=by,
            width=Width.HALF,
        )

    return (
        Section(
            SectionKind.SUMMARY,
            "Summary",
            figures,
            ("cases",),
            category="name",
            category_dataset=ids["breakdowns"],
            only_column="kind",
            only_value="Category",
        ),
        kpi("Cases opened", "opened", Better.NEITHER),
        kpi("Cases closed", "closed", Better.HIGHER),
        kpi("Overdue cases", "overdue", Better.LOWER),
        kpi("Median days open", "median_days", Better.LOWER, Unit.DAYS),
        kpi("Substantiation rate", "substantiation", Better.NEITHER, Unit.PERCENT),
        kpi("Disclosures", "disclosures", Better.NEITHER),
        Section(
            SectionKind.LINE,
            "Cases by month (UTC)",
            ids["trend"],
            ("opened", "closed"),
            category="month",
        ),
        counted(SectionKind.BAR, "Category"),
        counted(SectionKind.DONUT, "Severity"),
        counted(SectionKind.BAR, "Business unit"),
        counted(SectionKind.BAR, "Location"),
        Section(
            SectionKind.STACKED,
            "Disclosures by kind and status",
            disclosures,
            ("disclosures",),
            category="kind",
            split="status",
        ),
        Section(SectionKind.TABLE, "Overdue cases", ids["overdue"], rows=10),
    )


def add_board_report(
    organization: Organization,
    source: DataSource,
    *,
    actor: str,
    now: datetime,
    ip: str | None = None,
) -> Report:
    """Add the board report with its datasets over a source that has the compliance tables.

    Raises InvalidInput where the organization has, or had, something of the same name.
    """
    queries = board_queries(source.kind)
    _check_names(organization, [query.name for query in queries])
    ids = {query.key: _dataset(source, query, now).public_id for query in queries}
    report = Report(organization_id=organization.id, name=NAME, description=DESCRIPTION, created_at=now)
    sections = [section.to_dict() for section in board_sections(ids)]
    report.versions.append(
        ReportVersion(
            number=1,
            sections=sections,
            period=DEFAULT,
            created_at=now,
            created_by=None if actor == "system" else actor,
        )
    )
    db.session.add(report)
    db.session.flush()
    audit.record(
        organization.id,
        actor=actor,
        action="report.create",
        target=f"report:{report.public_id}",
        now=now,
        ip=ip,
        after={"version": 1, "name": NAME, "source": source.public_id, "sections": sections},
    )
    return report


def _check_names(organization: Organization, names: list[str]) -> None:
    taken = db.session.scalar(
        select(Report.name).where(Report.organization_id == organization.id, Report.name == NAME)
    ) or db.session.scalar(
        select(Dataset.name).where(Dataset.organization_id == organization.id, Dataset.name.in_(names))
    )
    if taken:
        raise InvalidInput(f"There is, or was, a “{taken}” already: rename that one first.", "source")


def _dataset(source: DataSource, query: BoardQuery, now: datetime) -> Dataset:
    return datasets.create_dataset(
        source,
        name=query.name,
        description=query.description,
        export_type=ExportType.CUSTOM,
        sql=query.sql,
        parameters=(PERIOD,) if ":period_start" in query.sql or ":period_end" in query.sql else (),
        columns=query.columns,
        key_columns=(),
        now=now,
    )
