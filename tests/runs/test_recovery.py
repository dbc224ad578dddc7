"""Runs nobody works on are found and brought back, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from portal import queue
from portal.alerts.models import Alert, Cause
from portal.config import Settings
from portal.errors import LeaseLost, RunReleased
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs import finish, leases, recovery
from portal.runs.models import RunAttempt, RunStatus, ScheduledExportRun, Trigger
from portal.runs.service import run_now
from tests import factories

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def config(config: Settings) -> Settings:
    """Settings by which no run made in a test grows old during it, however slow the machine."""
    return config.model_copy(update={"lost_job_after": 3600})


@pytest.fixture
def run(either_app: Flask, config: Settings) -> ScheduledExportRun:
    """A queued run whose job never reached Redis."""
    acme = factories.organization("Acme Co.", "acme")
    owner: User = factories.user(acme, Role.MANAGER, "manager@acme.example")
    schedule = factories.schedule(owner, factories.dataset(acme, config))
    made = run_now(owner, schedule, settings=config, now=datetime.now(UTC))
    db.session.commit()
    return made


def sweep(redis: Redis, config: Settings) -> int:
    return recovery.sweep(redis, settings=config, now=datetime.now(UTC))


def test_it_enqueues_a_run_whose_job_was_lost(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    assert sweep(redis, config) == 0, "a fresh run gets its time to be enqueued"
    run.created_at = LONG_AGO
    db.session.commit()

    assert sweep(redis, config) == 1
    assert sweep(redis, config) == 0, "its job is alive now"
    assert queue.run_queue(redis).job_ids == [queue.job_id(run.public_id, 0)]

    redis.flushall()
    assert sweep(redis, config) == 1, "a flushed Redis is filled again"


def test_it_waits_for_the_time_of_a_retry(run: ScheduledExportRun, redis: Redis, config: Settings) -> None:
    run.created_at = LONG_AGO
    run.not_before = datetime.now(UTC) + timedelta(hours=1)
    db.session.commit()
    assert sweep(redis, config) == 0

    run.not_before = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()
    assert sweep(redis, config) == 1


def test_it_takes_a_run_from_a_worker_that_died(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    dead = leases.claim(run.public_id, worker="worker-1", settings=config)
    assert dead is not None
    assert leases.claim(run.public_id, worker="worker-2", settings=config) is None, "it is owned"
    run.lease_expires_at = LONG_AGO
    db.session.commit()

    assert sweep(redis, config) == 1

    assert run.status is RunStatus.QUEUED
    heir = leases.claim(run.public_id, worker="worker-2", settings=config)
    assert heir is not None
    assert heir.attempt == 2
    with pytest.raises(LeaseLost), leases.fenced(dead):
        pytest.fail("a worker that lost its lease must not write")
    attempts = db.session.scalars(select(RunAttempt).order_by(RunAttempt.number)).all()
    assert [attempt.outcome for attempt in attempts] == ["worker lost", None]


def test_it_fails_a_run_that_lost_too_many_workers(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    leases.claim(run.public_id, worker="worker-1", settings=config)
    run.retries_left, run.lease_expires_at = 0, LONG_AGO
    db.session.commit()

    assert sweep(redis, config) == 0

    assert (run.status, run.error_code) == (RunStatus.FAILED, "worker lost")
    assert run.reason == "The worker stopped answering. No retry is left."


def test_it_ends_a_cancelled_run_whose_worker_died(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    leases.claim(run.public_id, worker="worker-1", settings=config)
    run.cancel_requested_at, run.cancel_requested_by = datetime.now(UTC), "ann@acme.example"
    run.lease_expires_at = LONG_AGO
    db.session.commit()

    assert sweep(redis, config) == 0

    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Cancelled by ann@acme.example.")


def test_it_misses_what_did_not_start_in_its_window(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    run.due_at = datetime.now(UTC) - timedelta(minutes=11)
    run.start_by = run.due_at + timedelta(minutes=10)
    db.session.commit()

    sweep(redis, config)

    reason = "It could not start within 10 minutes of its time."
    assert (run.status, run.reason) == (RunStatus.MISSED, reason)
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.message, alert.run_id) == (Cause.RUN_MISSED, reason, run.public_id)


def behind(run: ScheduledExportRun) -> ScheduledExportRun:
    """Let a run be of the rhythm, and return the next one of it, which waits for it."""
    run.trigger, run.one_at_a_time, run.due_at = Trigger.SCHEDULE, True, LONG_AGO
    following = ScheduledExportRun(
        organization_id=run.organization_id,
        schedule_id=run.schedule_id,
        due_at=LONG_AGO + timedelta(days=1),
        trigger=Trigger.SCHEDULE,
        snapshot=run.snapshot,
        created_at=LONG_AGO,
        one_at_a_time=True,
    )
    db.session.add(following)
    db.session.commit()
    return following


def test_it_enqueues_no_run_that_waits_behind_another(
    run: ScheduledExportRun, redis: Redis, config: Settings
) -> None:
    following = behind(run)
    leases.claim(run.public_id, worker="worker-1", settings=config)
    assert sweep(redis, config) == 0
    assert recovery.ready_after(run.public_id) == []

    run.status, run.lease_token, run.completed_at = RunStatus.FAILED, None, datetime.now(UTC)
    db.session.commit()

    assert recovery.ready_after(run.public_id) == [(following.public_id, 0)]
    assert sweep(redis, config) == 1


def test_a_run_that_was_put_back_is_ready_before_the_one_behind_it(
    run: ScheduledExportRun, config: Settings
) -> None:
    behind(run)
    owned = leases.claim(run.public_id, worker="worker-1", settings=config)
    assert owned
    finish.stop(owned, RunReleased("told to end"), config, now=datetime.now(UTC))

    assert recovery.ready_after(run.public_id) == [(run.public_id, 1)]


def test_it_enqueues_all_that_wait_however_many(
    run: ScheduledExportRun, redis: Redis, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page: those at the front, which stand in the queue already, hide none behind them."""
    monkeypatch.setattr(recovery, "SWEEP_LIMIT", 2)
    for days in range(5):
        db.session.add(
            ScheduledExportRun(
                organization_id=run.organization_id,
                schedule_id=run.schedule_id,
                due_at=LONG_AGO + timedelta(days=days),
                trigger=Trigger.SCHEDULE,
                snapshot=run.snapshot,
                created_at=LONG_AGO,
            )
        )
    db.session.commit()

    assert sweep(redis, config) == 5
    assert sweep(redis, config) == 0


def test_one_run_that_can_not_be_swept_keeps_no_other(
    run: ScheduledExportRun, redis: Redis, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = behind(run)
    following.one_at_a_time = run.one_at_a_time = False
    for each in (run, following):
        each.status, each.lease_token, each.lease_expires_at = RunStatus.RUNNING, "t", LONG_AGO
        each.retries_left = 1
    following_id = following.id
    db.session.commit()
    real = finish.release

    def refuse_one(released: ScheduledExportRun, status: RunStatus) -> None:
        if released.id != following_id:
            raise RuntimeError("a row that can't be read")
        real(released, status)

    monkeypatch.setattr(finish, "release", refuse_one)
    assert sweep(redis, config) == 1
    assert (run.status, following.status) == (RunStatus.RUNNING, RunStatus.QUEUED)
