"""How runs end: by what their deliveries earned, or by an error that a retry can or can't mend."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.alerts.models import Alert, Cause
from portal.alerts.service import raise_alert
from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.delivery.models import Delivery, DeliveryStatus
from portal.errors import (
    LeaseLost,
    PortalError,
    QueryFailed,
    RunCancelled,
    RunReleased,
    RunTimeout,
    SourceUnavailable,
    StorageFailed,
    StorageFull,
)
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import finish
from portal.runs.leases import Claim, claim
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules.models import Channel, ScheduledExport

SENT, REFUSED, UNKNOWN = DeliveryStatus.SENT, DeliveryStatus.REFUSED, DeliveryStatus.UNKNOWN
DEFERRED = DeliveryStatus.DEFERRED
NOW = datetime(2025, 3, 10, 7, 5, tzinfo=UTC)


@pytest.fixture
def run(manager: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    made = run_now(manager, schedule, settings=settings, now=NOW)
    made.row_count = 60
    db.session.commit()
    return made


@pytest.fixture
def owned(run: ScheduledExportRun, settings: Settings) -> Claim:
    return taken(run, settings)


def taken(run: ScheduledExportRun, settings: Settings) -> Claim:
    found = claim(run.public_id, worker="worker-1", settings=settings)
    assert found is not None
    return found


def deliveries(run: ScheduledExportRun, *statuses: DeliveryStatus) -> None:
    for number, status in enumerate(statuses):
        due = NOW + timedelta(minutes=number) if status is DEFERRED else None
        db.session.add(
            Delivery(
                run_id=run.id,
                channel=Channel.EMAIL,
                target=f"p{number}@example.org",
                status=status,
                next_attempt_at=due,
            )
        )
    db.session.commit()


@pytest.mark.parametrize(
    ("statuses", "status", "reason"),
    [
        ((SENT,), RunStatus.SUCCESS, None),
        ((SENT, SENT), RunStatus.SUCCESS, None),
        ((SENT, REFUSED, UNKNOWN), RunStatus.PARTIAL, "2 of 3 recipients did not get the file."),
        ((REFUSED,), RunStatus.FAILED, "No recipient got the file."),
        ((UNKNOWN,), RunStatus.FAILED, "No recipient got the file."),
    ],
)
def test_it_gives_a_run_the_status_its_deliveries_earned(
    run: ScheduledExportRun,
    owned: Claim,
    statuses: tuple[DeliveryStatus, ...],
    status: RunStatus,
    reason: str | None,
) -> None:
    deliveries(run, *statuses)

    assert finish.finish(owned, now=NOW) is status

    assert (run.status, run.reason, run.completed_at) == (status, reason, NOW)
    assert (run.lease_token, run.lease_expires_at, run.stage) == (None, None, None)
    assert run.schedule is not None
    assert (run.schedule.last_status, run.schedule.last_run_at) == (status.value, NOW)
    assert [(tried.outcome, tried.ended_at) for tried in run.attempts] == [(status.value, NOW)]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "run.finish")).one()
    assert entry.after == {"status": status.value, "rows": 60, "error": None}


def test_it_lets_go_of_a_run_while_mail_is_open(run: ScheduledExportRun, owned: Claim) -> None:
    deliveries(run, SENT, REFUSED, DEFERRED)

    assert finish.finish(owned, now=NOW) is RunStatus.DELIVERING

    assert (run.completed_at, run.lease_token) == (None, None)
    assert run.schedule is not None
    assert run.schedule.last_status is None
    assert run.events[-1].message == "1 still to be delivered"
    assert not db.session.scalars(select(AuditEntry).where(AuditEntry.action == "run.finish")).all()


# Failures


@pytest.mark.parametrize("error", [SourceUnavailable("away"), StorageFailed("read error")])
def test_it_queues_a_run_again_when_a_retry_can_help(
    run: ScheduledExportRun, owned: Claim, settings: Settings, error: PortalError
) -> None:
    before = datetime.now(UTC)
    assert finish.fail(owned, error, settings, now=NOW) is RunStatus.QUEUED
    after = datetime.now(UTC)

    assert (run.error_code, run.error_message) == (error.code, str(error))
    assert run.not_before is not None
    assert run.not_before - before >= timedelta(seconds=47), "a minute less 20 %, and SQLite's milliseconds"
    assert run.not_before - after <= timedelta(seconds=72), "a minute and 20 %"
    assert (run.retries_left, run.completed_at, run.lease_token) == (2, None, None)


def test_it_waits_longer_each_time_and_ends_when_no_retry_is_left(
    run: ScheduledExportRun, settings: Settings
) -> None:
    quick = settings.model_copy(update={"retry_delays": (10.0, 100.0)})
    run.retries_left = 2
    db.session.commit()
    waits = []
    for _ in range(2):
        before = datetime.now(UTC)
        finish.fail(taken(run, settings), SourceUnavailable("away"), quick, now=NOW)
        assert run.not_before is not None
        waits.append((run.not_before - before).total_seconds())
        run.not_before = None
        db.session.commit()

    assert finish.fail(taken(run, settings), SourceUnavailable("away"), quick, now=NOW) is RunStatus.FAILED

    assert 7 <= waits[0] < 80 <= 1 + waits[1]
    assert (run.reason, run.completed_at) == ("away", NOW)
    assert run.events[-1].detail == "No retry is left."
    assert [attempt.outcome for attempt in run.attempts] == ["source unavailable"] * 3


@pytest.mark.parametrize("error", [QueryFailed("no such column: x"), StorageFull("No space is left.")])
def test_it_fails_at_once_when_only_a_person_can_help(
    run: ScheduledExportRun, owned: Claim, settings: Settings, error: PortalError
) -> None:
    assert finish.fail(owned, error, settings, now=NOW) is RunStatus.FAILED

    assert (run.error_code, run.reason, run.completed_at) == (error.code, str(error), NOW)
    assert (run.events[-1].message, run.events[-1].detail) == (str(error), "A retry would not help.")
    assert run.schedule is not None
    assert run.schedule.last_status == "FAILED"


def test_it_fails_a_run_whose_retries_were_configured_away(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    none = settings.model_copy(update={"retry_delays": ()})

    assert finish.fail(owned, SourceUnavailable("away"), none, now=NOW) is RunStatus.FAILED


def test_it_keeps_the_place_of_an_unexpected_error_but_not_its_text(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    text = "password=" + "2retnuh"[::-1]  # a traceback shows this line, so the word itself must not be in it
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        unexpected = finish.Unexpected(error)

    finish.fail(owned, unexpected, settings, now=NOW)

    assert run.error_message == "An unexpected error stopped the run (RuntimeError)."
    assert run.error_details is not None
    assert "test_finish.py" in run.error_details
    assert "hunter2" not in run.error_details


def test_it_shortens_a_reason_to_what_fits_and_keeps_the_message(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    finish.fail(owned, QueryFailed("x" * 1000), settings, now=NOW)

    assert run.reason == "x" * 300
    assert run.error_message == "x" * 1000


def test_it_drops_what_the_failure_left_half_done(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    run.snapshot = {"half": "done"}

    finish.fail(owned, QueryFailed("no"), settings, now=NOW)

    assert run.snapshot["name"] == "Weekly cases"


def test_it_records_nothing_for_a_worker_that_lost_the_run(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    run.lease_token = "another"
    db.session.commit()

    with pytest.raises(LeaseLost):
        finish.finish(owned, now=NOW)
    with pytest.raises(LeaseLost):
        finish.fail(owned, QueryFailed("no"), settings, now=NOW)

    assert (run.status, run.error_code) == (RunStatus.RUNNING, None)


def test_it_does_not_pass_the_mending_of_an_old_run_for_news(
    run: ScheduledExportRun, owned: Claim, schedule: ScheduledExport
) -> None:
    schedule.last_run_at, schedule.last_status = NOW + timedelta(days=7), "FAILED"
    deliveries(run, SENT)

    finish.finish(owned, now=NOW + timedelta(days=8))

    assert (schedule.last_run_at, schedule.last_status) == (NOW + timedelta(days=7), "FAILED")


def test_it_leaves_a_run_to_another_worker_without_costing_a_retry(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    left = run.retries_left

    assert finish.stop(owned, RunReleased("told to end"), settings, now=NOW) is RunStatus.QUEUED

    assert (run.retries_left, run.not_before, run.lease_token) == (left, None, None)
    assert [attempt.outcome for attempt in run.attempts] == ["released"]
    assert taken(run, settings).attempt == 2


def test_it_ends_a_cancelled_run(run: ScheduledExportRun, owned: Claim, settings: Settings) -> None:
    deliveries(run, SENT, REFUSED)
    run.cancel_requested_at, run.cancel_requested_by = NOW, "ann@acme.example"
    db.session.commit()

    assert finish.stop(owned, RunCancelled("cancelled"), settings, now=NOW) is RunStatus.CANCELLED

    assert run.reason == "Cancelled by ann@acme.example. 1 of 2 had the file by then."
    assert [attempt.outcome for attempt in run.attempts] == ["CANCELLED"]
    assert db.session.scalars(select(Alert)).all() == []


def test_it_fails_in_part_where_some_have_the_file(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    deliveries(run, SENT, DeliveryStatus.PENDING)

    assert finish.stop(owned, RunTimeout("too long"), settings, now=NOW) is RunStatus.PARTIAL


def test_it_raises_an_alert_for_what_failed_and_closes_it_after_a_success(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    finish.fail(owned, QueryFailed("no such table: cases"), settings, now=NOW)
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.message, alert.run_id) == (
        Cause.RUN_FAILED,
        "no such table: cases",
        run.public_id,
    )
    run.status, run.completed_at = RunStatus.QUEUED, None
    deliveries(run, SENT)

    finish.finish(taken(run, settings), now=NOW)

    assert alert.closed_at == NOW


# What was delivered decides


def test_a_run_that_everybody_has_is_a_success_whatever_came_after(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    """Its worker was lost, or the database was, between the last answer and the run's end."""
    deliveries(run, SENT, SENT)
    run.retries_left = 0
    db.session.commit()

    assert finish.fail(owned, StorageFailed("gone"), settings, now=NOW) is RunStatus.SUCCESS
    assert run.reason is None
    assert db.session.scalars(select(Alert)).all() == []


def test_a_run_that_failed_leaves_no_delivery_open(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    deliveries(run, SENT, DEFERRED, DeliveryStatus.SENDING)

    assert finish.fail(owned, QueryFailed("no"), settings, now=NOW) is RunStatus.PARTIAL

    _, deferred, sending = db.session.scalars(select(Delivery).order_by(Delivery.id))
    assert (deferred.next_attempt_at, deferred.note) == (None, "The run ended before it was delivered.")
    assert (sending.status, sending.note) == (
        UNKNOWN,
        "Possibly sent: the worker stopped before the server's answer was recorded.",
    )


def test_a_run_to_be_cancelled_waits_for_no_mail_server(run: ScheduledExportRun, owned: Claim) -> None:
    deliveries(run, SENT, DEFERRED)
    run.cancel_requested_at, run.cancel_requested_by = NOW, "ann@acme.example"
    db.session.commit()

    assert finish.finish(owned, now=NOW) is RunStatus.CANCELLED


def test_a_run_to_be_cancelled_waits_for_no_retry(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    run.cancel_requested_at, run.cancel_requested_by = NOW, "ann@acme.example"
    db.session.commit()

    assert finish.fail(owned, SourceUnavailable("away"), settings, now=NOW) is RunStatus.CANCELLED


def test_a_run_being_mailed_stands_beside_later_ones(run: ScheduledExportRun, owned: Claim) -> None:
    run.one_at_a_time = True
    deliveries(run, DEFERRED)

    assert finish.finish(owned, now=NOW) is RunStatus.DELIVERING
    assert not run.one_at_a_time


def test_a_time_limit_while_delivering_costs_a_retry_and_not_the_recipients(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    deliveries(run, SENT, DeliveryStatus.PENDING)
    run.stage, left = "deliver", run.retries_left
    db.session.commit()

    assert finish.stop(owned, RunTimeout("too long"), settings, now=NOW) is RunStatus.QUEUED
    assert (run.retries_left, run.not_before) == (left - 1, None)


def test_mending_an_old_run_closes_no_alert_of_a_newer_one(
    run: ScheduledExportRun, owned: Claim, settings: Settings
) -> None:
    assert run.schedule is not None
    raise_alert(run.schedule, Cause.RUN_FAILED, "no such table", run_id=None, now=NOW)
    run.schedule.last_run_at = run.due_at + timedelta(days=1)
    deliveries(run, SENT)

    assert finish.finish(owned, now=NOW) is RunStatus.SUCCESS
    assert db.session.scalars(select(Alert)).one().closed_at is None
