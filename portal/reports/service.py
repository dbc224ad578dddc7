"""Reports as people find, define, change and put them away. Strangers get NotFound."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from portal.audit import service as audit
from portal.datasets import periods
from portal.datasets import service as datasets
from portal.datasets.definitions import refuse_stale
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.reports.comparison import DEFAULT
from portal.reports.models import Report, ReportVersion
from portal.reports.sections import Section, check


@dataclass(frozen=True, slots=True)
class Definition:
    """All that a version of a report says, and what the report is called."""

    name: str
    description: str
    sections: tuple[Section, ...]
    period: str = DEFAULT["preset"]


def list_reports(actor: User) -> Sequence[Report]:
    """Return the organization's reports in use, by name."""
    require(actor, Permission.VIEW_REPORTS)
    return db.session.scalars(
        select(Report)
        .where(Report.organization_id == actor.organization_id, Report.archived_at.is_(None))
        .order_by(Report.name)
    ).all()


def get_report(actor: User, public_id: str) -> Report:
    """Return one report in use of the actor's organization. Raises NotFound."""
    require(actor, Permission.VIEW_REPORTS)
    found = db.session.scalars(
        select(Report).where(
            Report.public_id == public_id,
            Report.organization_id == actor.organization_id,
            Report.archived_at.is_(None),
        )
    ).first()
    if found is None:
        raise NotFound("There is no such report.")
    return found


def current_version(report: Report) -> ReportVersion:
    """Return the newest version, which new runs use."""
    return db.session.scalars(
        select(ReportVersion)
        .where(ReportVersion.report_id == report.id)
        .order_by(ReportVersion.number.desc())
        .limit(1)
    ).one()


def current_versions(reports: Collection[Report]) -> dict[int, ReportVersion]:
    """Return the newest version of each report, by the report's id: ids grow with their numbers."""
    newest = (
        select(func.max(ReportVersion.id))
        .where(ReportVersion.report_id.in_([report.id for report in reports]))
        .group_by(ReportVersion.report_id)
    )
    found = db.session.scalars(select(ReportVersion).where(ReportVersion.id.in_(newest)))
    return {version.report_id: version for version in found}


def get_version(version_id: int) -> ReportVersion:
    """Return the version that a snapshot names. Raises NotFound."""
    version = db.session.get(ReportVersion, version_id)
    if version is None:
        raise NotFound("The report's version is gone.")
    return version


def definition_of(report: Report) -> Definition:
    """Return what a report says now."""
    version = current_version(report)
    return Definition(report.name, report.description, version.parts, version.period["preset"])


def create(actor: User, definition: Definition, *, now: datetime, ip: str | None = None) -> Report:
    """Add a report. Raises InvalidInput on the field in question."""
    checked = _checked(actor, definition)
    report = Report(
        organization_id=actor.organization_id,
        name=checked.name,
        description=checked.description,
        created_at=now,
    )
    report.versions.append(_version(checked, 1, actor.email, now))
    db.session.add(report)
    db.session.flush()
    _record(report, "report.create", actor, now, ip, after=_described(checked, 1))
    return report


def change(
    actor: User,
    report: Report,
    definition: Definition,
    *,
    begun_with: str,
    now: datetime,
    ip: str | None = None,
) -> ReportVersion | None:
    """Save what a report says from now on as a new version; None if nothing changed.

    `begun_with` is the number of the version that was edited. Raises InvalidInput, on the field in question,
    also where somebody else has saved another one since.
    """
    checked = _checked(actor, definition, besides=report)
    before, old = definition_of(report), current_version(report)
    refuse_stale(begun_with, old.number, old.created_by)
    if checked == before:
        return None
    report.name, report.description = checked.name, checked.description
    version = old
    if replace(checked, name=before.name, description=before.description) != before:
        version = _version(checked, old.number + 1, actor.email, now)
        report.versions.append(version)
    db.session.flush()
    described = _described(before, old.number), _described(checked, version.number)
    _record(report, "report.change", actor, now, ip, before=described[0], after=described[1])
    return version


def archive(actor: User, report: Report, *, now: datetime, ip: str | None = None) -> None:
    """Put a report away: no new schedule can choose it. Its runs and versions stay."""
    require(actor, Permission.MANAGE_REPORTS)
    report.archived_at = now
    db.session.flush()
    _record(report, "report.archive", actor, now, ip, before={"name": report.name})


def columns_to_choose(actor: User) -> dict[str, frozenset[str]]:
    """Return the keys of the columns of each dataset that a report may show, by its public id."""
    found = datasets.list_datasets(actor)
    versions = datasets.current_versions(found)
    return {
        dataset.public_id: frozenset(column.key for column in versions[dataset.id].table_columns)
        for dataset in found
    }


def datasets_of(sections: Iterable[Section]) -> list[str]:
    """Return the public ids of the datasets that sections need, each once, in their order."""
    return list(dict.fromkeys(one for section in sections for one in section.datasets))


def checked_period(preset: str) -> str:
    """Return the name of a period. Raises InvalidInput on field `period`."""
    if preset not in periods.CALENDAR:
        raise InvalidInput("Choose a period from the list.", "period")
    return preset


def _checked(actor: User, definition: Definition, besides: Report | None = None) -> Definition:
    require(actor, Permission.MANAGE_REPORTS)
    # One save at a time in an organization: the next one sees this one's name and version.
    db.session.execute(
        select(Organization.id).where(Organization.id == actor.organization_id).with_for_update()
    )
    name = _free_name(actor.organization_id, definition.name, besides)
    description = definition.description.strip()
    if len(description) > 1000:
        raise InvalidInput("A description has at most 1,000 characters.", "description")
    check(definition.sections, columns_to_choose(actor))
    period = checked_period(definition.period)
    return replace(definition, name=name, description=description, period=period)


def _free_name(organization_id: int, name: str, besides: Report | None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 120 or not name.isprintable():
        raise InvalidInput("A report needs a name of at most 120 characters.", "name")
    taken = select(Report.id).where(Report.organization_id == organization_id, Report.name == name)
    if besides is not None:
        taken = taken.where(Report.id != besides.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(f"There is, or was, a report “{name}”.", "name")
    return name


def _version(definition: Definition, number: int, author: str, now: datetime) -> ReportVersion:
    return ReportVersion(
        number=number,
        sections=[section.to_dict() for section in definition.sections],
        period={"preset": definition.period},
        created_at=now,
        created_by=author,
    )


def _described(definition: Definition, number: int) -> dict[str, Any]:
    return {
        "version": number,
        "name": definition.name,
        "description": definition.description,
        "period": definition.period,
        "sections": [section.to_dict() for section in definition.sections],
    }


def _record(
    report: Report,
    action: str,
    actor: User,
    now: datetime,
    ip: str | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        report.organization_id,
        actor=actor.email,
        action=action,
        target=f"report:{report.public_id}",
        now=now,
        before=before,
        after=after,
        ip=ip,
    )
