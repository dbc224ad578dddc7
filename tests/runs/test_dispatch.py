"""From due to queued, on both databases, with several schedulers at once."""

import threading
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from portal import queue
from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs import dispatch, policies
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.schedules import service as schedules
from portal.schedules.models import ScheduledExport
from portal.schedules.rules import Kind, Rule
from tests import factories

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)
"""Monday 08:00 in Berlin, a week after the schedules were made."""


@pytest.fixture
def owner(either_app: Flask) -> User:
    acme = factories.organization("Acme Co.", "acme")
    made = factories.user(acme, Role.MANAGER, "manager@acme.example")
    db.session.commit()
    return made


@pytest.fixture
def weekly(owner: User, config: Settings) -> ScheduledExport:
    return factories.schedule(owner, factories.dataset(owner.organization, config))


def runs() -> list[ScheduledExportRun]:
    return list(db.session.scalars(select(ScheduledExportRun).order_by(ScheduledExportRun.due_at)))


def test_it_queues_a_due_schedule_once_and_advances_it(
    weekly: ScheduledExport, config: Settings, redis: Redis
) -> None:
    assert weekly.next_run_at == DUE

    assert dispatch.enqueue_due(redis, settings=config, now=DUE) == 1
    assert dispatch.enqueue_due(redis, settings=config, now=DUE) == 0

    (run,) = runs()
    assert (run.status, run.due_at) == (RunStatus.QUEUED, DUE)
    assert weekly.next_run_at == DUE + timedelta(days=7)
    assert queue.run_queue(redis).job_ids == [queue.job_id(run.public_id, 0)]


def test_it_leaves_alone_what_is_not_yet_due(weekly: ScheduledExport, config: Settings, redis: Redis) -> None:
    assert dispatch.enqueue_due(redis, settings=config, now=DUE - timedelta(seconds=1)) == 0
    assert runs() == []


def test_it_records_what_was_missed_and_runs_the_latest(
    weekly: ScheduledExport, config: Settings, redis: Redis
) -> None:
    dispatch.enqueue_due(redis, settings=config, now=DUE + timedelta(days=15))

    assert [(run.due_at, run.status) for run in runs()] == [
        (DUE, RunStatus.MISSED),
        (DUE + timedelta(days=7), RunStatus.MISSED),
        (DUE + timedelta(days=14), RunStatus.QUEUED),
    ]
    assert runs()[0].reason == policies.ONLY_THE_LATEST
    assert weekly.next_run_at == datetime(2025, 3, 31, 6, 0, tzinfo=UTC), "summer time began: still 08:00"


def test_it_keeps_the_snapshot_it_was_made_with(
    weekly: ScheduledExport, owner: User, config: Settings, redis: Redis
) -> None:
    dispatch.enqueue_due(redis, settings=config, now=DUE)
    draft = factories.draft(weekly.dataset, recipients=("later@example.org",))
    schedules.update_schedule(owner, weekly, draft, now=DUE + timedelta(minutes=1))
    db.session.commit()

    assert runs()[0].snapshot["recipients"] == ["ann@example.org"]


def test_it_never_enqueues_what_was_not_committed(
    weekly: ScheduledExport, config: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit fails as it does when the database goes away: the row is not there, so no job may be."""

    def fail() -> None:
        raise ConnectionError("the database went away")

    monkeypatch.setattr(db.session, "commit", fail)
    with pytest.raises(ConnectionError):
        dispatch.enqueue_due(redis, settings=config, now=DUE)

    assert queue.run_queue(redis).count == 0


def test_it_gives_one_run_an_occurrence_with_three_schedulers(
    either_app: Flask, owner: User, config: Settings, redis: Redis
) -> None:
    dataset = factories.dataset(owner.organization, config)
    for number in range(40):
        factories.schedule(owner, dataset, name=f"No. {number}", rule=Rule(Kind.DAILY, time(8, 0)))
    db.session.remove()

    def tick() -> None:
        with either_app.app_context():
            dispatch.enqueue_due(redis, settings=config, now=DUE)

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made = Counter((run.schedule_id, run.due_at) for run in runs())
    assert set(made.values()) == {1}
    assert len([run for run in runs() if run.status is RunStatus.QUEUED]) == 40
    assert sorted(queue.run_queue(redis).job_ids) == sorted(
        queue.job_id(run.public_id, 0) for run in runs() if run.status is RunStatus.QUEUED
    )
