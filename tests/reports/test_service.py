"""Reports of an organization: found, defined, changed, put away."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.datasets.models import Dataset
from portal.errors import Forbidden, InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.reports import service
from portal.reports.board import add_board_report
from portal.reports.models import Report, ReportVersion
from portal.reports.sections import Section, SectionKind
from portal.reports.service import Definition
from tests.factories import NOW


@pytest.fixture
def definition(dataset: Dataset) -> Definition:
    sections = (
        Section(SectionKind.TEXT, "Note", text="Cases of the month."),
        Section(SectionKind.TABLE, "Cases", dataset.public_id, ("case_number", "status")),
    )
    return Definition("Monthly cases", "For the committee", sections, "previous_month")


def actions() -> list[str]:
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [entry.action for entry in entries if entry.action.startswith("report.")]


def test_a_manager_defines_one_and_changes_it(manager: User, definition: Definition) -> None:
    report = service.create(manager, definition, now=NOW)
    assert service.definition_of(report) == definition
    assert service.current_version(report).created_by == manager.email

    longer = replace(definition, sections=(*definition.sections, definition.sections[0]))
    version = service.change(manager, report, longer, begun_with="1", now=NOW)

    assert version is not None
    assert version.number == 2
    assert service.definition_of(report) == longer
    assert [one.number for one in report.versions] == [1, 2]
    assert actions() == ["report.create", "report.change"]


def test_a_new_name_makes_no_version_and_nothing_new_makes_no_entry(
    manager: User, definition: Definition
) -> None:
    report = service.create(manager, definition, now=NOW)
    named = replace(definition, name="Cases of the month")

    version = service.change(manager, report, named, begun_with="1", now=NOW)
    assert version is not None
    assert version.number == 1
    assert service.change(manager, report, named, begun_with="1", now=NOW) is None
    assert actions() == ["report.create", "report.change"]


def test_it_is_not_saved_over_what_somebody_else_saved_meanwhile(
    manager: User, admin: User, definition: Definition
) -> None:
    report = service.create(manager, definition, now=NOW)
    service.change(admin, report, replace(definition, period="last_7_days"), begun_with="1", now=NOW)

    with pytest.raises(InvalidInput, match=r"admin@acme.example has saved version 2"):
        service.change(manager, report, replace(definition, period="today"), begun_with="1", now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "two\x00lines"}, "name"),
        ({"description": "x" * 1001}, "description"),
        ({"period": "yesteryear"}, "period"),
        ({"sections": ()}, "sections"),
        ({"sections": (Section(SectionKind.TABLE, "Theirs", "unknown"),)}, "sections-0"),
    ],
)
def test_it_names_the_field_that_is_wrong(
    manager: User, definition: Definition, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        service.create(manager, replace(definition, **changes), now=NOW)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_name_is_given_once(manager: User, definition: Definition) -> None:
    report = service.create(manager, definition, now=NOW)
    with pytest.raises(InvalidInput, match="There is, or was, a report “Monthly cases”"):
        service.create(manager, definition, now=NOW)
    service.archive(manager, report, now=NOW)
    with pytest.raises(InvalidInput, match="There is, or was"):
        service.create(manager, definition, now=NOW)


def test_one_put_away_is_not_found_any_more(manager: User, definition: Definition) -> None:
    report = service.create(manager, definition, now=NOW)
    service.archive(manager, report, now=NOW)

    assert list(service.list_reports(manager)) == []
    with pytest.raises(NotFound):
        service.get_report(manager, report.public_id)
    assert db.session.scalars(select(ReportVersion)).one().report == report


def test_auditors_look_and_change_nothing(auditor: User, report: Report, definition: Definition) -> None:
    assert list(service.list_reports(auditor)) == [report]
    with pytest.raises(Forbidden):
        service.create(auditor, definition, now=NOW)
    with pytest.raises(Forbidden):
        service.archive(auditor, report, now=NOW)


def test_other_organizations_know_nothing_of_it(
    outsider: User, report: Report, definition: Definition
) -> None:
    assert list(service.list_reports(outsider)) == []
    with pytest.raises(NotFound):
        service.get_report(outsider, report.public_id)
    with pytest.raises(InvalidInput) as refused:
        service.create(outsider, definition, now=NOW)
    assert refused.value.field == "sections-1", "the dataset is another organization's"


def test_the_board_report_is_added_once(acme: Organization, dataset: Dataset, report: Report) -> None:
    with pytest.raises(InvalidInput, match="There is, or was, a “Board report” already"):
        add_board_report(acme, dataset.source, actor="system", now=NOW)
    assert len(report.versions[0].parts) == 14
