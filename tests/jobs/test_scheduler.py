"""The scheduler's tick over a real Redis: locks, poison, heartbeat, dispatch."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis
from rq_scheduler import Scheduler
from sqlalchemy import select

from portal import queue
from portal.alerts.models import Cause
from portal.alerts.service import raise_alert
from portal.config import Settings
from portal.extensions import db
from portal.jobs.scheduler import HEARTBEAT_KEY, QUARANTINE_KEY, PortalScheduler
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.schedules.models import ScheduledExport
from tests.conftest import SmtpServer

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def scheduler(app: Flask, redis: Redis) -> PortalScheduler:
    return PortalScheduler(app, redis)


def tick(scheduler: PortalScheduler) -> None:
    assert scheduler.acquire_lock()
    scheduler.enqueue_jobs()
    scheduler.remove_lock()


def test_it_enqueues_what_is_due_and_beats(
    scheduler: PortalScheduler, schedule: ScheduledExport, redis: Redis
) -> None:
    schedule.next_run_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()

    tick(scheduler)

    run = db.session.scalars(select(ScheduledExportRun)).one()
    assert run.status is RunStatus.QUEUED
    assert queue.job_id(run.public_id, 0) in queue.run_queue(redis).job_ids
    beat = datetime.fromisoformat(redis.get(HEARTBEAT_KEY).decode())
    assert datetime.now(UTC) - beat < timedelta(seconds=30)


def test_it_sweeps_up_runs_whose_jobs_a_flush_took(
    scheduler: PortalScheduler, schedule: ScheduledExport, redis: Redis
) -> None:
    schedule.next_run_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()
    tick(scheduler)
    run = db.session.scalars(select(ScheduledExportRun)).one()
    redis.flushall()
    run.created_at = LONG_AGO
    db.session.commit()

    scheduler._next_sweep = 0.0
    tick(scheduler)

    assert queue.job_id(run.public_id, 0) in queue.run_queue(redis).job_ids


def test_it_has_a_worker_send_alerts_that_are_due_and_sends_none_itself(
    scheduler: PortalScheduler, schedule: ScheduledExport, redis: Redis, smtp: SmtpServer
) -> None:
    schedule.next_run_at = None  # it is long overdue, and would be an alert of its own
    db.session.commit()
    tick(scheduler)
    assert "send_alerts" not in queue.run_queue(redis).job_ids

    raise_alert(schedule, Cause.RUN_FAILED, "happened", run_id=None, now=datetime.now(UTC))
    db.session.commit()
    for _ in range(2):
        scheduler._next_sweep = 0.0
        tick(scheduler)

    assert queue.run_queue(redis).job_ids.count("send_alerts") == 1
    assert smtp.messages() == []


def test_only_one_holds_the_lock_and_only_its_owner_releases_it(app: Flask, redis: Redis) -> None:
    first, second = PortalScheduler(app, redis), PortalScheduler(app, redis)
    assert first.acquire_lock()
    assert not second.acquire_lock()

    second.remove_lock()
    assert redis.exists(Scheduler.scheduler_lock_key), "a stranger must not release it"

    redis.delete(Scheduler.scheduler_lock_key)  # it expired while the first stood still
    assert second.acquire_lock()
    first.remove_lock()
    assert redis.exists(Scheduler.scheduler_lock_key), "its former owner must not release the heir's"


def test_it_sets_poison_aside_and_goes_on(scheduler: PortalScheduler, redis: Redis) -> None:
    redis.hset("rq:job:poison", mapping={"data": b"\x80\x04not json", "origin": queue.QUEUE_NAME})
    redis.hset("rq:job:poison", "created_at", "not a time")
    redis.zadd(Scheduler.scheduled_jobs_key, {"poison": 1, "vanished": 1})
    scheduler._register_housekeeping()
    redis.zadd(Scheduler.scheduled_jobs_key, {"sweep-files": 2})

    tick(scheduler)

    assert redis.zrange(QUARANTINE_KEY, 0, -1) == [b"poison"]
    assert queue.run_queue(redis).job_ids == ["sweep-files"]
    assert redis.zrange(Scheduler.scheduled_jobs_key, 0, -1) == [b"sweep-files"], "due again in an hour"


def test_it_registers_housekeeping_again_after_a_flush(scheduler: PortalScheduler, redis: Redis) -> None:
    tick(scheduler)
    redis.flushall()
    scheduler._next_sweep = 0.0

    tick(scheduler)

    assert redis.zscore(Scheduler.scheduled_jobs_key, "sweep-files") is not None


def test_it_survives_a_database_that_is_away(
    scheduler: PortalScheduler, settings: Settings, redis: Redis
) -> None:
    db.session.remove()
    db.engine.dispose()
    (settings.data_dir / "portal.db").rename(settings.data_dir / "away.db")
    (settings.data_dir / "portal.db").mkdir()

    tick(scheduler)

    assert redis.exists(HEARTBEAT_KEY)
