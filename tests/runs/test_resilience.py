"""What one fault must not take with it: other schedules, due occurrences, stored files, a way to mend."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select

from portal import queue
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery, DeliveryStatus
from portal.downloads.models import DownloadLink
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import dispatch, leases, pipeline, policies, recovery, service
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import SmtpServer, sign_in
from tests.schedules.pages import filled_in

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def runs() -> list[ScheduledExportRun]:
    return list(db.session.scalars(select(ScheduledExportRun).order_by(ScheduledExportRun.id)))


def execute(run: ScheduledExportRun, settings: Settings) -> RunStatus | None:
    storage = LocalStorage(settings.files_dir)
    return pipeline.execute(run.public_id, worker="worker-1", settings=settings, storage=storage)


def started(actor: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    run = service.run_now(actor, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    return run


@pytest.mark.parametrize("broken", ["zone", "rule"])
def test_a_schedule_that_cannot_be_dispatched_is_paused_and_stops_no_other(
    manager: User, dataset: Dataset, settings: Settings, redis: Redis, broken: str
) -> None:
    """A zone that tzdata dropped, or a rule that a later release wrote, before it was rolled back."""
    bad = factories.schedule(manager, dataset, name="Bad")
    good = factories.schedule(manager, dataset, name="Good")
    if broken == "zone":
        bad.timezone = "Mars/Olympus"
    else:
        bad.rule = {"kind": "every full moon", "time": "08:00"}
    db.session.commit()

    assert dispatch.enqueue_due(redis, settings=settings, now=DUE) == 1

    assert [(run.schedule_id, run.status) for run in runs()] == [
        (bad.id, RunStatus.FAILED),
        (good.id, RunStatus.QUEUED),
    ]
    assert not bad.active
    assert (bad.paused_reason or "").startswith("It could not be dispatched")


@pytest.mark.parametrize("action", ["edit", "pause", "delete"])
def test_no_change_takes_away_what_had_fallen_due(
    client: FlaskClient, manager: User, schedule: ScheduledExport, redis: Redis, action: str
) -> None:
    """The scheduler was down when it fell due; the change came first."""
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=3)
    schedule.next_run_at = due
    db.session.commit()
    sign_in(client, manager)
    path = f"/schedules/{schedule.public_id}/{action}"
    form = filled_in(schedule.dataset, name="Renamed", recipients="bob@example.org", rhythm="daily")

    assert client.post(path, data=form if action == "edit" else {}).status_code == 302

    (run,) = runs()
    assert (run.due_at, run.status) == (due, RunStatus.QUEUED)
    assert run.snapshot["recipients"] == ["ann@example.org"], "made with what the schedule said then"
    assert queue.job_id(run.public_id, 0) in queue.run_queue(redis).job_ids
    db.session.refresh(schedule)
    assert schedule.next_run_at is None or schedule.next_run_at > datetime.now(UTC)


def test_the_oldest_missed_row_counts_those_before_it(
    manager: User, dataset: Dataset, settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "MISSED_RECORDED", 2)
    factories.schedule(manager, dataset)

    dispatch.enqueue_due(redis, settings=settings, now=DUE + timedelta(days=35))

    found = [(run.status, run.reason) for run in runs()]
    assert [status for status, _ in found] == [RunStatus.MISSED, RunStatus.MISSED, RunStatus.QUEUED]
    assert found[0][1] == f"{policies.ONLY_THE_LATEST} So did 3 before it, from 2025-03-10 07:00 UTC on."
    assert found[1][1] == policies.ONLY_THE_LATEST


def test_a_job_taken_and_never_claimed_is_enqueued_again(
    manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis
) -> None:
    """The worker died in between: the job stands in no queue, whatever its hash in Redis says."""
    run = started(manager, schedule, settings)
    queue.enqueue_runs(redis, [(run.public_id, 0)], timeout=60)
    redis.lpop(f"rq:queue:{queue.QUEUE_NAME}")
    redis.hset(f"rq:job:{queue.job_id(run.public_id, 0)}", "status", "started")
    run.created_at = LONG_AGO
    db.session.commit()

    assert recovery.sweep(redis, settings=settings, now=datetime.now(UTC)) == 1


def test_a_run_that_failed_while_delivering_can_be_mended(
    manager: User, dataset: Dataset, settings: Settings, redis: Redis, smtp: SmtpServer
) -> None:
    """Its worker was lost after the file was stored, and no retry was left."""
    people = ("ann@example.org", "bob@example.org")
    run = started(manager, factories.schedule(manager, dataset, recipients=people), settings)
    execute(run, settings)
    ann, bob = db.session.scalars(select(Delivery).order_by(Delivery.target))
    bob.status, bob.sent_at = DeliveryStatus.PENDING, None
    run.status, run.completed_at = RunStatus.QUEUED, None
    db.session.commit()
    leases.claim(run.public_id, worker="worker-2", settings=settings)
    run.lease_expires_at, run.retries_left = LONG_AGO, 0
    db.session.commit()
    recovery.sweep(redis, settings=settings, now=datetime.now(UTC))
    assert run.status is RunStatus.PARTIAL, "Ann has it"

    assert service.resend_failed(manager, run, settings=settings, now=datetime.now(UTC)) == 1
    db.session.commit()

    assert execute(run, settings) is RunStatus.SUCCESS
    assert sorted(message["X-Envelope-To"] for message in smtp.messages()) == [
        "ann@example.org",
        "bob@example.org",
        "bob@example.org",
    ]
    assert ann.status is bob.status is DeliveryStatus.SENT


def test_a_run_that_failed_between_storing_and_delivering_can_be_retried(
    manager: User, schedule: ScheduledExport, settings: Settings, smtp: SmtpServer
) -> None:
    run = started(manager, schedule, settings)
    execute(run, settings)
    for link in db.session.scalars(select(DownloadLink)):
        db.session.delete(link)
    delivery = db.session.scalars(select(Delivery)).one()
    for attempt in delivery.attempts:
        db.session.delete(attempt)
    db.session.flush()
    db.session.delete(delivery)
    run.status = RunStatus.FAILED
    db.session.commit()

    service.retry_run(manager, run, settings=settings, now=datetime.now(UTC))
    db.session.commit()

    assert execute(run, settings) is RunStatus.SUCCESS
    assert len(db.session.scalars(select(Artifact)).all()) == 1


def test_a_commit_whose_answer_got_lost_keeps_the_file(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(manager, schedule, settings)
    real, failed = db.session.commit, []

    def commit() -> None:
        stored = any(isinstance(row, Artifact) for row in db.session.identity_map.values())
        real()
        if stored and not failed:
            failed.append(True)
            raise RuntimeError("the server's answer never came")

    monkeypatch.setattr(db.session, "commit", commit)
    with pytest.raises(RuntimeError):
        execute(run, settings)
    monkeypatch.undo()

    artifact = db.session.scalars(select(Artifact)).one()
    assert (settings.files_dir / artifact.storage_key).exists()
    run.not_before = None
    db.session.commit()
    assert execute(run, settings) is RunStatus.SUCCESS


def test_a_resent_mail_has_a_link_that_opens(
    manager: User, dataset: Dataset, settings: Settings, smtp: SmtpServer
) -> None:
    run = started(
        manager, factories.schedule(manager, dataset, recipients=("refused@example.org",)), settings
    )
    execute(run, settings)
    link = db.session.scalars(select(DownloadLink)).one()
    link.expires_at, link.revoked_at = LONG_AGO, LONG_AGO
    db.session.commit()

    service.resend_failed(manager, run, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    execute(run, settings)

    assert link.expires_at > datetime.now(UTC) + timedelta(days=6)
    assert link.revoked_at is None


def test_a_stored_file_is_mailed_though_its_source_is_gone(
    manager: User, dataset: Dataset, settings: Settings, smtp: SmtpServer
) -> None:
    run = started(
        manager, factories.schedule(manager, dataset, recipients=("refused@example.org",)), settings
    )
    execute(run, settings)
    next(settings.effective_sources_dir.glob("acme/*.db")).unlink()
    dataset.source.url_encrypted = "no longer readable"
    delivery = db.session.scalars(select(Delivery)).one()
    delivery.target = "ann@example.org"
    db.session.commit()

    service.resend_failed(manager, run, settings=settings, now=datetime.now(UTC))
    db.session.commit()

    assert execute(run, settings) is not RunStatus.FAILED
    assert [message["X-Envelope-To"] for message in smtp.messages()] == ["ann@example.org"]
