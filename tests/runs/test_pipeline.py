"""One run through every stage, with real rows, files and a real mail server."""

import csv
import gzip
import hashlib
import io
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

from portal.config import Settings
from portal.datasets.models import Dataset
from portal.datasets.service import choose_csv, current_version
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadLink
from portal.exporters.options import CsvOptions, Delimiter, Encoding, Packing
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline, reading, rendering
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.runs.service import cancel_run, run_now
from portal.schedules.models import Channel, ExportFormat, ScheduledExport
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import SmtpServer, wait_until


def execute(app: Flask, run: ScheduledExportRun) -> RunStatus | None:
    settings: Settings = app.config["PORTAL"]
    return pipeline.execute(
        run.public_id, worker="worker-1", settings=settings, storage=LocalStorage(settings.files_dir)
    )


def made(actor: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    run = run_now(actor, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    return run


def test_it_delivers_a_file_with_attachment_and_link(
    app: Flask, manager: User, schedule: ScheduledExport, smtp: SmtpServer, settings: Settings
) -> None:
    run = made(manager, schedule, settings)

    assert execute(app, run) is RunStatus.SUCCESS

    artifact = db.session.scalars(select(Artifact)).one()
    content = (settings.files_dir / artifact.storage_key).read_bytes()
    assert hashlib.sha256(content).hexdigest() == artifact.sha256
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) - 1 == factories.CASES == artifact.rows == run.row_count

    (message,) = smtp.messages()
    assert message["To"] == message["X-Envelope-To"] == "ann@example.org"
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == artifact.filename
    assert attachment.get_payload(decode=True) == content
    link = db.session.scalars(select(DownloadLink)).one()
    body = message.get_body(("plain",))
    assert body is not None
    assert "http://portal.example/d/" in body.get_content()
    assert timedelta(days=6) < link.expires_at - datetime.now(UTC) < timedelta(days=7)


@pytest.mark.parametrize("form", list(ExportFormat))
def test_it_makes_every_format(
    app: Flask, manager: User, dataset: Dataset, settings: Settings, form: ExportFormat
) -> None:
    run = made(manager, factories.schedule(manager, dataset, format=form), settings)

    assert execute(app, run) is RunStatus.SUCCESS

    assert run.artifact is not None
    assert run.artifact.rows == factories.CASES
    assert run.artifact.filename.endswith(f".{form}")


def test_it_records_each_recipient_and_is_partial_when_one_is_refused(
    app: Flask, manager: User, dataset: Dataset, settings: Settings, smtp: SmtpServer
) -> None:
    people = ("ann@example.org", "refused@example.org")
    run = made(manager, factories.schedule(manager, dataset, recipients=people), settings)

    assert execute(app, run) is RunStatus.PARTIAL

    ledger = {row.target: row for row in db.session.scalars(select(Delivery))}
    assert ledger["ann@example.org"].status is DeliveryStatus.SENT
    refused = ledger["refused@example.org"]
    assert refused.status is DeliveryStatus.REFUSED
    assert [(tried.code, tried.enhanced) for tried in refused.attempts] == [(550, "5.1.1")]
    assert len(smtp.messages()) == 1
    assert run.reason == "1 of 2 recipients did not get the file."


def test_it_waits_for_a_server_that_defers_without_holding_the_run(
    app: Flask, manager: User, dataset: Dataset, settings: Settings
) -> None:
    run = made(manager, factories.schedule(manager, dataset, recipients=("deferred@example.org",)), settings)

    assert execute(app, run) is RunStatus.DELIVERING

    row = db.session.scalars(select(Delivery)).one()
    assert row.status is DeliveryStatus.DEFERRED
    assert row.next_attempt_at is not None
    assert run.lease_token is None
    assert execute(app, run) is None, "the next attempt is not due"

    row.next_attempt_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()
    assert execute(app, run) is RunStatus.DELIVERING
    assert len({tried.message_id for tried in row.attempts}) == 1
    assert len(row.attempts) == 2


def test_it_records_a_query_that_fails_and_goes_no_further(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    schedule.dataset.versions[0].sql = "SELECT nonsense FROM cases"
    run = made(manager, schedule, settings)

    assert execute(app, run) is RunStatus.FAILED

    assert run.error_code == "query failed"
    assert run.error_message == "Line 1, column 8: no such column: nonsense"
    assert smtp.messages() == []
    assert db.session.scalars(select(Artifact)).all() == []


def test_it_tries_again_later_when_the_source_is_away(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    source = next(settings.effective_sources_dir.glob("acme/*.db"))
    source.rename(source.with_suffix(".away"))
    run = made(manager, schedule, settings)

    assert execute(app, run) is RunStatus.QUEUED

    assert run.error_code == "source unavailable"
    assert run.not_before is not None
    assert run.not_before > datetime.now(UTC)
    assert [attempt.outcome for attempt in run.attempts] == ["source unavailable"]


def test_it_sends_the_file_of_an_earlier_attempt_unchanged(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    run = made(manager, schedule, settings)
    execute(app, run)
    first = db.session.scalars(select(Artifact)).one().sha256
    schedule.dataset.versions[0].sql = "SELECT nonsense FROM cases"
    delivery = db.session.scalars(select(Delivery)).one()
    delivery.status = DeliveryStatus.PENDING
    run.status, run.completed_at = RunStatus.QUEUED, None
    db.session.commit()

    assert execute(app, run) is RunStatus.SUCCESS

    assert db.session.scalars(select(Artifact)).one().sha256 == first
    assert len(smtp.messages()) == 2


def test_it_says_possibly_twice_after_dying_between_data_and_commit(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    run = made(manager, schedule, settings)
    execute(app, run)
    delivery = db.session.scalars(select(Delivery)).one()
    delivery.status = DeliveryStatus.SENDING
    run.status, run.completed_at = RunStatus.QUEUED, None
    db.session.commit()

    assert execute(app, run) is RunStatus.SUCCESS

    assert len({message["Message-ID"] for message in smtp.messages()}) == 1
    assert delivery.note is not None
    assert delivery.note.startswith("Possibly sent twice")


def test_it_writes_into_the_organizations_folder(
    app: Flask, manager: User, dataset: Dataset, settings: Settings
) -> None:
    plan = factories.schedule(
        manager, dataset, channel=Channel.STORAGE, recipients=(), location="reports/weekly"
    )
    run = made(manager, plan, settings)

    assert execute(app, run) is RunStatus.SUCCESS

    (written,) = (settings.folders_dir / "acme/reports/weekly").iterdir()
    assert run.artifact is not None
    assert hashlib.sha256(written.read_bytes()).hexdigest() == run.artifact.sha256


@pytest.mark.parametrize(("packing", "ending"), [(Packing.ZIP, ".zip"), (Packing.GZIP, ".csv.gz")])
def test_it_packs_the_file(
    app: Flask,
    manager: User,
    dataset: Dataset,
    settings: Settings,
    smtp: SmtpServer,
    packing: Packing,
    ending: str,
) -> None:
    run = made(manager, factories.schedule(manager, dataset, packing=packing), settings)

    assert execute(app, run) is RunStatus.SUCCESS

    assert run.artifact is not None
    assert run.artifact.filename.endswith(ending)
    (message,) = smtp.messages()
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == run.artifact.filename
    content = attachment.get_payload(decode=True)
    assert isinstance(content, bytes)
    if packing is Packing.ZIP:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (inside,) = archive.namelist()
            assert inside == run.artifact.filename.replace(".zip", ".csv")
            content = archive.read(inside)
    else:
        content = gzip.decompress(content)
    assert len(list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))) - 1 == factories.CASES


def test_it_writes_csv_as_the_dataset_says(
    app: Flask, manager: User, dataset: Dataset, schedule: ScheduledExport, settings: Settings
) -> None:
    choose_csv(
        dataset, CsvOptions(delimiter=Delimiter.SEMICOLON, encoding=Encoding.UTF_8), now=datetime.now(UTC)
    )
    run = made(manager, schedule, settings)

    assert execute(app, run) is RunStatus.SUCCESS

    assert run.artifact is not None
    header = (settings.files_dir / run.artifact.storage_key).read_text().partition("\n")[0]
    assert header.count(";") == len(dataset.versions[-1].columns) - 1


@pytest.mark.parametrize("counted", [True, False], ids=["before work", "while reading"])
def test_it_refuses_more_rows_than_the_dataset_allows(
    app: Flask,
    manager: User,
    dataset: Dataset,
    smtp: SmtpServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    counted: bool,
) -> None:
    if not counted:
        monkeypatch.setattr(rendering, "QUICKLY_COUNTED", 0)
    dataset.versions[0].row_limit = factories.CASES - 1
    run = made(manager, factories.schedule(manager, dataset, format=ExportFormat.PDF), settings)

    status = pipeline.execute(
        run.public_id, worker="worker-1", settings=settings, storage=LocalStorage(settings.files_dir)
    )

    assert status is RunStatus.FAILED
    assert run.error_code == "limit"
    found = (
        f"There are more rows than this dataset may have ({factories.CASES - 1})."
        if counted
        else f"The query returned more than the limit of {factories.CASES - 1} rows."
    )
    assert run.error_message == f"{found} Narrow its filters or let an admin raise the dataset's limit."
    assert smtp.messages() == []


@pytest.mark.parametrize(("own", "portals"), [(factories.CASES, 10_000), (10_000, factories.CASES)])
def test_as_many_rows_as_both_limits_allow_are_fine(
    app: Flask, manager: User, dataset: Dataset, settings: Settings, own: int, portals: int
) -> None:
    dataset.versions[0].row_limit = own
    run = made(manager, factories.schedule(manager, dataset), settings)
    limited = settings.model_copy(update={"row_limit": portals})

    status = pipeline.execute(
        run.public_id, worker="worker-1", settings=limited, storage=LocalStorage(settings.files_dir)
    )

    assert status is RunStatus.SUCCESS


def test_the_portals_row_limit_counts_where_it_is_smaller(
    app: Flask, manager: User, dataset: Dataset, settings: Settings
) -> None:
    dataset.versions[0].row_limit = 10_000
    run = made(manager, factories.schedule(manager, dataset), settings)
    limited = settings.model_copy(update={"row_limit": factories.CASES - 1})

    pipeline.execute(
        run.public_id, worker="worker-1", settings=limited, storage=LocalStorage(settings.files_dir)
    )

    assert "PORTAL_ROW_LIMIT" in (run.error_message or "")


@pytest.mark.parametrize(("own", "portals"), [(1, 600), (300, 1)])
def test_a_query_ends_at_the_smaller_of_both_limits(
    app: Flask, manager: User, dataset: Dataset, settings: Settings, own: int, portals: float
) -> None:
    version = dataset.versions[0]
    version.sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS id FROM n"
    )
    version.columns, version.query_timeout = [{"key": "id", "label": "Id", "type": "integer"}], own
    run = made(manager, factories.schedule(manager, dataset), settings)
    limited = settings.model_copy(update={"query_timeout": portals})

    pipeline.execute(
        run.public_id, worker="worker-1", settings=limited, storage=LocalStorage(settings.files_dir)
    )

    assert (run.error_code, run.error_message) == ("timeout", "The query ran past its limit of 1 s.")


def test_its_file_says_which_days_its_period_meant(
    app: Flask, manager: User, dataset: Dataset, smtp: SmtpServer, settings: Settings
) -> None:
    filters = {"statuses": ["NEW"], "period": {"preset": "previous_year"}}
    run = made(
        manager, factories.schedule(manager, dataset, filters=filters, format=ExportFormat.XLSX), settings
    )

    assert execute(app, run) is RunStatus.SUCCESS

    assert run.artifact is not None
    with (settings.files_dir / run.artifact.storage_key).open("rb") as file:
        about = dict(load_workbook(file)["About"].iter_rows(min_row=3, values_only=True))
    year = datetime.now(ZoneInfo(run.snapshot["timezone"])).year - 1
    assert about["Opened"] == f"Previous year (1 Jan {year} to 31 Dec {year})"
    assert about["Status"] == "New"


def test_it_tells_what_was_changed_on_the_way_into_the_file(
    app: Flask, manager: User, schedule: ScheduledExport, smtp: SmtpServer, settings: Settings
) -> None:
    sql = schedule.dataset.versions[0].sql
    schedule.dataset.versions[0].sql = f"SELECT '=1+1' AS title FROM (\n{sql}\n)"
    schedule.columns = ["title"]
    run = made(manager, schedule, settings)

    assert execute(app, run) is RunStatus.SUCCESS

    assert run.artifact is not None
    (note,) = run.artifact.notes or []
    assert note == (
        f"An apostrophe was put before text that a spreadsheet would execute: {factories.CASES} cells."
    )
    (message,) = smtp.messages()
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert note in " ".join(body.get_content().split())


def test_it_leaves_no_work_file_behind(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    execute(app, made(manager, schedule, settings))

    assert list((settings.files_dir / ".work").iterdir()) == []


def test_it_sends_only_the_link_of_a_file_too_large_to_attach(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    app.config["PORTAL"] = settings.model_copy(update={"mail_attachment_limit": 10})

    assert execute(app, made(manager, schedule, settings)) is RunStatus.SUCCESS

    (message,) = smtp.messages()
    assert list(message.iter_attachments()) == []
    body = message.get_body(("plain",))
    assert body is not None
    assert "too large" in body.get_content()


def test_it_stops_a_run_that_is_cancelled_while_rows_are_read(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PROGRESS_EVERY", 0.05)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS case_number FROM n"
    current_version(schedule.dataset).sql = endless
    schedule.columns = ["case_number"]
    run = made(manager, schedule, settings)
    run_id, person_id = run.public_id, manager.id

    def cancel_once_rows_were_counted() -> None:
        with app.app_context():
            wait_until(lambda: counted(run_id) > 0, "rows are counted as they pass")
            cancel_run(
                db.session.get_one(User, person_id),
                db.session.scalars(select(ScheduledExportRun)).one(),
                now=datetime.now(UTC),
            )
            db.session.commit()

    person = threading.Thread(target=cancel_once_rows_were_counted)
    person.start()
    assert execute(app, run) is RunStatus.CANCELLED
    person.join()

    assert run.rows_read is not None
    assert db.session.scalars(select(Artifact)).all() == []
    assert list((settings.files_dir / ".work").iterdir()) == []


def counted(run_id: str) -> int:
    found = db.session.scalar(
        select(ScheduledExportRun.rows_read).where(ScheduledExportRun.public_id == run_id)
    )
    db.session.rollback()
    return found or 0
