"""A scheduled report, from due to delivered."""

import io
from datetime import UTC, datetime, time

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from portal.config import Settings
from portal.datasets.models import Dataset, DatasetVersion
from portal.extensions import db
from portal.organizations.models import User
from portal.reports import service as reports
from portal.reports.board import add_board_report
from portal.reports.models import Report
from portal.reports.sections import Section, SectionKind
from portal.runs import dispatch, pipeline
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules import service
from portal.schedules.approval import unapproved_of
from portal.schedules.approving import approve_schedule
from portal.schedules.drafts import Draft
from portal.schedules.models import Channel, ExportFormat, ScheduledExport
from portal.schedules.rules import Kind, Rule
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import SmtpServer


@pytest.fixture
def report(manager: User, dataset: Dataset) -> Report:
    made = add_board_report(manager.organization, dataset.source, actor="system", now=factories.NOW)
    db.session.commit()
    return made


def scheduled(owner: User, report: Report, **changes: object) -> ScheduledExport:
    values: dict[str, object] = {
        "name": "Monthly board report",
        "dataset_id": "",
        "report_id": report.public_id,
        "format": ExportFormat.PDF,
        "rule": Rule(Kind.MONTHLY, time(8, 0), monthday=1),
        "timezone": "Europe/Berlin",
        "channel": Channel.EMAIL,
        "recipients": ("board@acme.example",),
        "filters": {"period": {"preset": "previous_month"}},
        **changes,
    }
    made = service.create_schedule(owner, Draft(**values), now=factories.NOW)  # type: ignore[arg-type]
    db.session.commit()
    return made


def executed(run: ScheduledExportRun, settings: Settings) -> RunStatus | None:
    storage = LocalStorage(settings.files_dir)
    return pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=storage)


def by_hand(actor: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    run = run_now(actor, schedule, settings=settings, now=datetime(2025, 3, 10, tzinfo=UTC))
    db.session.commit()
    return run


def test_it_is_delivered_as_a_pdf_for_its_period(
    app: Flask, manager: User, report: Report, smtp: SmtpServer, settings: Settings
) -> None:
    schedule = scheduled(manager, report)
    run = by_hand(manager, schedule, settings)

    assert executed(run, settings) is RunStatus.SUCCESS

    (message,) = smtp.messages()
    (attachment,) = message.iter_attachments()
    content = attachment.get_payload(decode=True)
    assert isinstance(content, bytes)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    for words in (
        "Monthly board report",
        "1 Feb 2025 to 28 Feb 2025",
        "1 Jan 2025 to 31 Jan 2025",
        "Overdue",
    ):
        assert words in text
    body = message.get_body(("plain",))
    assert body is not None
    assert " rows" not in body.get_content()
    assert db.session.scalars(select(Artifact)).one().filename.endswith(".pdf")
    assert run.snapshot["report_name"] == "Board report"
    assert run.resolved_parameters == {
        "period_start": "2025-01-31T23:00:00+00:00",
        "period_end": "2025-02-28T23:00:00+00:00",
    }


def test_its_rhythm_makes_runs_like_any_other(
    app: Flask, manager: User, report: Report, smtp: SmtpServer, settings: Settings
) -> None:
    schedule = scheduled(manager, report)
    schedule.next_run_at = datetime(2025, 4, 1, 6, tzinfo=UTC)
    db.session.commit()

    made = dispatch.dispatch_before_change(schedule, settings=settings)
    db.session.commit()

    assert made
    run = db.session.scalars(select(ScheduledExportRun).order_by(ScheduledExportRun.id.desc())).first()
    assert run is not None
    assert executed(run, settings) is RunStatus.SUCCESS


def test_a_run_keeps_the_versions_it_was_made_with(
    app: Flask, manager: User, admin: User, report: Report, smtp: SmtpServer, settings: Settings
) -> None:
    run = by_hand(manager, scheduled(manager, report), settings)
    broken = db.session.scalars(select(DatasetVersion).where(DatasetVersion.sql.contains("month"))).one()
    db.session.add(
        DatasetVersion(
            dataset_id=broken.dataset_id,
            number=2,
            sql="SELEC",
            parameters=broken.parameters,
            columns=broken.columns,
            key_columns=[],
            created_at=factories.NOW,
            source_id=broken.source_id,
        )
    )
    definition = reports.definition_of(report)
    changed = type(definition)("Board report", "", definition.sections[:1], definition.period)
    reports.change(admin, report, changed, begun_with="1", now=factories.NOW)
    db.session.commit()

    assert executed(run, settings) is RunStatus.SUCCESS
    (message,) = smtp.messages()
    (attachment,) = message.iter_attachments()
    content = attachment.get_payload(decode=True)
    assert isinstance(content, bytes)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    assert "Cases by month" in text


def test_a_section_that_fails_fails_the_run_and_sends_nothing(
    app: Flask, manager: User, report: Report, smtp: SmtpServer, settings: Settings
) -> None:
    version = db.session.scalars(select(DatasetVersion).where(DatasetVersion.sql.contains("month"))).one()
    version.sql = "SELECT 'x' AS month, 'many' AS opened, 1 AS closed"
    db.session.commit()
    run = by_hand(manager, scheduled(manager, report), settings)

    assert executed(run, settings) is RunStatus.FAILED

    assert run.error_message == (
        "“Cases by month (UTC)” can't be shown: “opened” holds something that is no number."
    )
    assert smtp.messages() == []


def test_sensitive_columns_need_an_approval_to_leave(
    app: Flask, manager: User, report: Report, smtp: SmtpServer, settings: Settings
) -> None:
    schedule = scheduled(manager, report, recipients=("board@elsewhere.example",))
    assert schedule.waits_for_approval
    assert "“title” (personal or sensitive) would go outside" in (schedule.paused_reason or "")

    run = by_hand(manager, schedule, settings)

    assert executed(run, settings) is RunStatus.FAILED
    assert run.error_code == "not approved"
    assert smtp.messages() == []


def test_an_approval_is_none_for_another_dataset_of_the_same_columns(
    admin: User, manager: User, dataset: Dataset, settings: Settings
) -> None:
    other = factories.dataset(manager.organization, settings, "Others")

    def over(chosen: Dataset) -> reports.Definition:
        section = Section(SectionKind.TABLE, "Who", chosen.public_id, ("creator_name",))
        return reports.Definition("Names", "", (section,))

    report = reports.create(manager, over(dataset), now=factories.NOW)
    schedule = scheduled(manager, report, recipients=("eve@elsewhere.example",))
    out = unapproved_of(schedule, schedule.organization)
    assert out is not None
    approve_schedule(admin, schedule, seen=out.digest, now=factories.NOW)
    assert unapproved_of(schedule, schedule.organization) is None
    reports.change(manager, report, over(other), begun_with="1", now=factories.NOW)

    run = by_hand(manager, schedule, settings)
    executed(run, settings)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "not approved")
    assert unapproved_of(schedule, schedule.organization) is not None
