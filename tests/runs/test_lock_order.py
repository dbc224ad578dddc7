"""Locks are taken in one order, run, schedule, alerts, last the head of the trail: nobody deadlocks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import event

from portal.config import Settings
from portal.delivery.models import Delivery, DeliveryStatus
from portal.extensions import db
from portal.organizations import own_days
from portal.organizations.models import User
from portal.permissions import Role
from portal.runs import finish, recovery, service
from portal.runs.leases import Claim, claim
from portal.runs.models import RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import Channel, ScheduledExport
from portal.schedules.rules import HolidayPolicy, Kind, Rule
from portal.schedules.service import follow_days_off, lock_schedules
from tests import factories

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)
NOW = datetime(2025, 3, 10, 7, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def owner(either_app: Flask) -> User:
    acme = factories.organization("Acme Co.", "acme")
    made = factories.user(acme, Role.ADMIN, "admin@acme.example")
    db.session.commit()
    return made


@pytest.fixture
def schedules(owner: User, config: Settings) -> list[ScheduledExport]:
    cases = factories.dataset(owner.organization, config)
    rule = Rule(Kind.DAILY, time(8, 0), holidays=HolidayPolicy.SKIP)
    return [factories.schedule(owner, cases, name=name, rule=rule) for name in ("First", "Second")]


def occurrence(schedule: ScheduledExport, due_at: datetime, **values: object) -> ScheduledExportRun:
    made = ScheduledExportRun(
        organization_id=schedule.organization_id,
        schedule_id=schedule.id,
        due_at=due_at,
        trigger=Trigger.SCHEDULE,
        snapshot={"channel": "email"},
        created_at=due_at,
        row_count=1,
        **values,
    )
    db.session.add(made)
    db.session.commit()
    return made


def delivered(run: ScheduledExportRun, config: Settings) -> Claim:
    """Claim a run, and record that its one recipient has the file: all that is left is to end it."""
    owned = claim(run.public_id, worker="worker-1", settings=config)
    assert owned is not None
    row = Delivery(run_id=run.id, channel=Channel.EMAIL, target="ann@example.org", status=DeliveryStatus.SENT)
    db.session.add(row)
    db.session.commit()
    return owned


@contextmanager
def ending(app: Flask, owned: Claim) -> Iterator[Callable[[], RunStatus]]:
    """Let a worker end its run, and hold it where all that it lacks is the head of the trail.

    It goes on half a second later, when the other side waits for what it holds.
    """
    reached, go_on = threading.Event(), threading.Event()
    ended: list[RunStatus] = []

    def hold(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name == "worker" and "FROM audit_heads" in statement:
            reached.set()
            go_on.wait(10)

    def work() -> None:
        with app.app_context():
            ended.append(finish.finish(owned, now=NOW))
            db.session.remove()

    event.listen(db.engine, "before_cursor_execute", hold)
    worker = threading.Thread(target=work, name="worker")
    worker.start()
    assert reached.wait(10)
    threading.Timer(0.5, go_on.set).start()

    def status() -> RunStatus:
        worker.join(20)
        return ended[0]

    yield status
    event.remove(db.engine, "before_cursor_execute", hold)


def test_cancelling_the_run_behind_it(
    either_app: Flask, owner: User, schedules: list[ScheduledExport], config: Settings
) -> None:
    under_way, waiting = occurrence(schedules[0], DUE), occurrence(schedules[0], DUE + MINUTE)

    with ending(either_app, delivered(under_way, config)) as status:
        assert service.cancel_run(owner, waiting, now=NOW)
        db.session.commit()
        assert status() is RunStatus.SUCCESS

    assert waiting.status is RunStatus.CANCELLED


def test_changing_the_days_off_of_its_organization(
    either_app: Flask, owner: User, schedules: list[ScheduledExport], config: Settings
) -> None:
    owned = delivered(occurrence(schedules[0], DUE), config)

    with ending(either_app, owned) as status:
        lock_schedules(owner.organization)
        own_days.add_days(owner, {date(2025, 3, 12): "Works outing"}, now=NOW)
        follow_days_off(owner, owner.organization, now=NOW)
        db.session.commit()
        assert status() is RunStatus.SUCCESS


def test_sweeping_runs_of_several_schedules(
    either_app: Flask, schedules: list[ScheduledExport], config: Settings, redis: Redis
) -> None:
    owned = delivered(occurrence(schedules[1], DUE), config)
    lost = [
        occurrence(
            schedule,
            DUE + MINUTE,
            status=RunStatus.RUNNING,
            lease_token="t",
            lease_expires_at=DUE,
            started_at=DUE,
            attempt=1,
        )
        for schedule in schedules
    ]

    with ending(either_app, owned) as status:
        recovery.sweep(redis, settings=config, now=NOW)
        assert status() is RunStatus.SUCCESS

    assert [run.status for run in lost] == [RunStatus.FAILED] * 2
