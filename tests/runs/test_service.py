"""Runs as people see and mend them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery, DeliveryStatus
from portal.errors import Forbidden, InvalidInput, NotFound
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.permissions import Permission, Role
from portal.runs import leases, pipeline, service
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import ScheduledExport
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import SmtpServer
from tests.factories import NOW


def made(actor: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    run = service.run_now(actor, schedule, settings=settings, now=NOW)
    db.session.commit()
    return run


def ended(actor: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    """Make a run that is over, so that a further one is another."""
    run = made(actor, schedule, settings)
    over(run, RunStatus.CANCELLED)
    return run


def execute(run: ScheduledExportRun, settings: Settings) -> RunStatus | None:
    storage = LocalStorage(settings.files_dir)
    return pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=storage)


def over(run: ScheduledExportRun, status: RunStatus) -> None:
    run.status, run.completed_at, run.started_at, run.row_count = status, NOW, NOW, 0
    db.session.commit()


def last_action(run: ScheduledExportRun) -> tuple[str, str]:
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.target == f"run:{run.public_id}").order_by(AuditEntry.id.desc())
    ).first()
    assert entry is not None
    return entry.actor, entry.action


def test_it_starts_a_run_with_the_schedule_as_it_stands(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    schedule.name, schedule.recipients = "Renamed", ["bob@example.org"]
    db.session.commit()

    assert (run.trigger, run.status, run.requested_by) == (Trigger.MANUAL, RunStatus.QUEUED, manager.email)
    assert run.snapshot["name"] == "Weekly cases"
    assert run.snapshot["recipients"] == ["ann@example.org"]
    assert run.snapshot["organization_slug"] == "acme"
    assert run.retries_left == len(settings.retry_delays)
    assert [event.message for event in run.events] == ["Started by Manager"]
    assert last_action(run) == ("manager@acme.example", "run.start")


def test_it_starts_runs_of_a_paused_schedule(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    schedule.active, schedule.next_run_at = False, None
    db.session.commit()

    assert made(manager, schedule, settings).status is RunStatus.QUEUED


def test_it_makes_one_run_of_a_double_click_and_another_once_the_first_is_over(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    first = made(manager, schedule, settings)
    assert made(manager, schedule, settings) is first

    over(first, RunStatus.CANCELLED)

    assert made(manager, schedule, settings) is not first


def test_it_lets_no_auditor_start_or_mend_runs(
    manager: User, auditor: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    over(run, RunStatus.FAILED)

    with pytest.raises(Forbidden):
        service.run_now(auditor, schedule, settings=settings, now=NOW)
    with pytest.raises(Forbidden):
        service.retry_run(auditor, run, settings=settings, now=NOW)
    with pytest.raises(Forbidden):
        service.resend_failed(auditor, run, settings=settings, now=NOW)

    assert run.status is RunStatus.FAILED


def test_it_shows_runs_to_their_organization_only(
    manager: User,
    auditor: User,
    outsider: User,
    globex: Organization,
    schedule: ScheduledExport,
    settings: Settings,
) -> None:
    run = made(manager, schedule, settings)
    weak_stranger = factories.user(globex, Role.AUDITOR, "auditor@globex.example")

    assert service.get_run(auditor, run.public_id) is run
    assert service.list_runs(auditor) == [run]
    assert service.list_runs(outsider) == []
    for actor, run_id in ((outsider, run.public_id), (manager, "unknown")):
        with pytest.raises(NotFound, match=r"There is no such run\."):
            service.get_run(actor, run_id)
    with pytest.raises(NotFound):
        service.get_run(weak_stranger, run.public_id, Permission.MEND_RUNS)
    with pytest.raises(Forbidden):
        service.get_run(auditor, run.public_id, Permission.MEND_RUNS)


def test_it_lists_runs_newest_first_by_schedule_and_status(
    manager: User, dataset: Dataset, schedule: ScheduledExport, settings: Settings
) -> None:
    other = factories.schedule(manager, dataset, name="Other")
    first, second, third = (ended(manager, plan, settings) for plan in (schedule, other, schedule))
    over(second, RunStatus.FAILED)

    assert service.list_runs(manager) == [third, second, first]
    assert service.list_runs(manager, schedule=schedule) == [third, first]
    assert service.list_runs(manager, statuses=[RunStatus.FAILED, RunStatus.PARTIAL]) == [second]
    assert service.list_runs(manager, before_id=third.id, limit=1) == [second]


def test_it_gives_the_last_runs_of_each_schedule_oldest_first(
    manager: User, dataset: Dataset, schedule: ScheduledExport, settings: Settings
) -> None:
    idle = factories.schedule(manager, dataset, name="Idle")
    runs = [ended(manager, schedule, settings) for _ in range(3)]

    found = service.recent_by_schedule(manager, [schedule, idle], count=2)

    assert found == {schedule.id: runs[1:], idle.id: []}
    assert service.recent_by_schedule(manager, []) == {}


# Mending


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.MISSED])
def test_it_retries_a_run_that_ended_without_a_file_once(
    manager: User, schedule: ScheduledExport, settings: Settings, status: RunStatus
) -> None:
    run = made(manager, schedule, settings)
    run.retries_left, run.reason, run.not_before = 0, "because", NOW + timedelta(hours=1)
    over(run, status)

    service.retry_run(manager, run, settings=settings, now=NOW)
    db.session.commit()

    assert run.status is RunStatus.QUEUED
    assert [run.reason, run.completed_at, run.not_before] == [None] * 3
    assert run.retries_left == len(settings.retry_delays)
    assert run.events[-1].message == "Retried by Manager"
    assert last_action(run) == ("manager@acme.example", "run.retry")
    with pytest.raises(InvalidInput, match="Only a run that failed"):
        service.retry_run(manager, run, settings=settings, now=NOW)


def test_it_finishes_a_retried_run_as_its_next_attempt(
    manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    good = schedule.dataset.versions[0].sql
    schedule.dataset.versions[0].sql = "SELECT nonsense"
    run = made(manager, schedule, settings)
    assert execute(run, settings) is RunStatus.FAILED
    schedule.dataset.versions[0].sql = good
    service.retry_run(manager, run, settings=settings, now=NOW)
    db.session.commit()

    assert execute(run, settings) is RunStatus.SUCCESS

    assert [attempt.outcome for attempt in run.attempts] == ["query failed", "SUCCESS"]
    assert (run.error_code, run.error_message) == (None, None)
    assert len(smtp.messages()) == 1


@pytest.mark.parametrize(
    "status", [RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.SKIPPED, RunStatus.CANCELLED]
)
def test_it_retries_nothing_that_a_retry_can_not_mend(
    manager: User, schedule: ScheduledExport, settings: Settings, status: RunStatus
) -> None:
    run = made(manager, schedule, settings)
    over(run, status)

    with pytest.raises(InvalidInput):
        service.retry_run(manager, run, settings=settings, now=NOW)

    assert run.status is status


def test_it_resends_to_those_who_lack_the_file_and_nobody_else(
    manager: User, dataset: Dataset, settings: Settings, smtp: SmtpServer
) -> None:
    plan = factories.schedule(manager, dataset, recipients=("ann@example.org", "refused@example.org"))
    run = made(manager, plan, settings)
    assert execute(run, settings) is RunStatus.PARTIAL
    with pytest.raises(InvalidInput):
        service.retry_run(manager, run, settings=settings, now=NOW)
    failed, sent = service.deliveries_of(run)
    assert (failed.status, sent.status) == (DeliveryStatus.REFUSED, DeliveryStatus.SENT)
    failed.target = "bob@example.org"  # the mailbox was made meanwhile, under a name this server takes

    assert service.resend_failed(manager, run, settings=settings, now=NOW) == 1
    db.session.commit()
    assert run.events[-1].message == "Resent by Manager to 1 recipient"
    assert last_action(run) == ("manager@acme.example", "run.resend")
    execute(run, settings)

    envelopes = [message["X-Envelope-To"] for message in smtp.messages()]
    assert envelopes.count("ann@example.org") == envelopes.count("bob@example.org") == 1


def test_it_resends_nothing_when_everybody_has_the_file(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    assert execute(run, settings) is RunStatus.SUCCESS

    with pytest.raises(InvalidInput, match="no stored file that somebody still lacks"):
        service.resend_failed(manager, run, settings=settings, now=NOW)

    run.status = RunStatus.PARTIAL
    db.session.commit()
    with pytest.raises(InvalidInput, match="Everybody has the file"):
        service.resend_failed(manager, run, settings=settings, now=NOW)


def test_it_resends_nothing_of_a_run_without_a_file(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    over(run, RunStatus.FAILED)

    with pytest.raises(InvalidInput):
        service.resend_failed(manager, run, settings=settings, now=NOW)


def test_it_shows_failures_of_a_ledger_first(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    for target, status in (
        ("ann@example.org", DeliveryStatus.SENT),
        ("cem@example.org", DeliveryStatus.REFUSED),
        ("bob@example.org", DeliveryStatus.DEFERRED),
    ):
        db.session.add(Delivery(run_id=run.id, channel="email", target=target, status=status))
    db.session.commit()

    assert [row.target[:3] for row in service.deliveries_of(run)] == ["bob", "cem", "ann"]


def test_it_keeps_a_run_that_was_started_now_apart_from_the_rhythm(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    due = schedule.next_run_at
    run = service.run_now(manager, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()

    assert schedule.next_run_at == due
    assert run.due_at != due


def test_it_cancels_a_run_that_no_worker_has(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)

    assert service.cancel_run(manager, run, now=NOW)
    db.session.commit()

    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Cancelled by manager@acme.example.")
    assert execute(run, settings) is None
    actions = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[-2:] == ["run.cancel", "run.finish"]
    with pytest.raises(InvalidInput, match="over already"):
        service.cancel_run(manager, run, now=NOW)


def test_it_asks_the_worker_of_a_run_to_stop(
    manager: User, auditor: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    claimed = leases.claim(run.public_id, worker="worker-1", settings=settings)
    assert claimed

    assert not service.cancel_run(manager, run, now=NOW)
    assert not service.cancel_run(manager, run, now=NOW), "asked again, nothing more happens"
    db.session.commit()

    assert (run.status, run.cancel_requested_by) == (RunStatus.RUNNING, "manager@acme.example")
    assert [event.message for event in run.events].count("Manager asked to cancel it") == 1
    with pytest.raises(Forbidden):
        service.cancel_run(auditor, run, now=NOW)


def test_a_run_cancelled_while_mail_waits_keeps_what_was_sent(
    manager: User, dataset: Dataset, settings: Settings, smtp: SmtpServer
) -> None:
    people = ("ann@example.org", "deferred@example.org")
    run = made(manager, factories.schedule(manager, dataset, recipients=people), settings)
    assert execute(run, settings) is RunStatus.DELIVERING

    assert service.cancel_run(manager, run, now=NOW)
    db.session.commit()

    assert run.reason == "Cancelled by manager@acme.example. 1 of 2 had the file by then."
    deferred = next(row for row in service.deliveries_of(run) if row.status is not DeliveryStatus.SENT)
    assert (deferred.next_attempt_at, deferred.note) == (None, "The run was cancelled.")


def test_a_retry_forgets_the_start_window(
    manager: User, schedule: ScheduledExport, settings: Settings
) -> None:
    run = made(manager, schedule, settings)
    run.start_by = NOW
    over(run, RunStatus.MISSED)

    service.retry_run(manager, run, settings=settings, now=NOW)
    db.session.commit()

    assert execute(run, settings) is not None
