"""Owning a run: one owner at a time, and nothing written by one who was."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from portal.config import Settings
from portal.delivery.models import Delivery, DeliveryStatus
from portal.errors import LeaseLost
from portal.extensions import db
from portal.permissions import Role
from portal.runs.leases import Claim, claim, fenced
from portal.runs.models import UNFINISHED, RunAttempt, RunEvent, RunStatus, ScheduledExportRun, Trigger
from portal.runs.service import run_now
from portal.schedules.models import Channel
from tests import factories

SECOND = timedelta(seconds=1)
NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
DELIVERED = (RunStatus.SUCCESS, RunStatus.PARTIAL)


@pytest.fixture
def run(either_app: Flask, config: Settings) -> ScheduledExportRun:
    acme = factories.organization("Acme Co.", "acme")
    owner = factories.user(acme, Role.MANAGER, "manager@acme.example")
    schedule = factories.schedule(owner, factories.dataset(acme, config))
    made = run_now(owner, schedule, settings=config, now=datetime.now(UTC))
    db.session.commit()
    return made


def take(run: ScheduledExportRun, config: Settings, worker: str = "worker-1") -> Claim | None:
    return claim(run.public_id, worker=worker, settings=config)


def taken(run: ScheduledExportRun, config: Settings, worker: str = "worker-1") -> Claim:
    found = take(run, config, worker)
    assert found is not None
    return found


def expire(run: ScheduledExportRun) -> None:
    run.lease_expires_at = datetime.now(UTC) - SECOND
    db.session.commit()


def test_it_takes_a_waiting_run(run: ScheduledExportRun, config: Settings) -> None:
    owned = taken(run, config)

    assert (run.status, run.attempt, run.stage) == (RunStatus.RUNNING, 1, "claim")
    assert run.lease_token == owned.token
    assert run.started_at is not None
    assert run.lease_expires_at is not None
    assert run.lease_expires_at - run.started_at == timedelta(seconds=config.lease_seconds)
    assert [(tried.number, tried.worker) for tried in run.attempts] == [(1, "worker-1")]


def test_it_takes_a_run_once(run: ScheduledExportRun, config: Settings) -> None:
    taken(run, config)

    assert take(run, config, "worker-2") is None
    assert claim("unknown", worker="worker-2", settings=config) is None
    assert [tried.worker for tried in run.attempts] == ["worker-1"]


def test_it_gives_a_run_to_one_of_many_that_ask_at_once(
    either_app: Flask, run: ScheduledExportRun, config: Settings
) -> None:
    run_id = run.public_id
    db.session.commit()
    start, owners = threading.Barrier(6), []

    def ask(name: str) -> None:
        with either_app.app_context():
            start.wait(10)
            found = claim(run_id, worker=name, settings=config)
            if found is not None:
                owners.append(found)
            db.session.remove()

    threads = [threading.Thread(target=ask, args=(f"worker-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(owners) == 1
    assert db.session.scalars(select(func.count()).select_from(RunAttempt)).one() == 1


def test_it_waits_for_the_time_of_a_retry(run: ScheduledExportRun, config: Settings) -> None:
    run.not_before = datetime.now(UTC) + timedelta(minutes=5)
    db.session.commit()
    assert take(run, config) is None

    run.not_before = datetime.now(UTC) - SECOND
    db.session.commit()
    assert take(run, config) is not None
    assert run.not_before is None


@pytest.mark.parametrize(
    "status", [status for status in RunStatus if status not in (*UNFINISHED, *DELIVERED)]
)
def test_it_never_takes_a_run_that_is_over(
    run: ScheduledExportRun, config: Settings, status: RunStatus
) -> None:
    run.status, run.completed_at = status, datetime.now(UTC)
    db.session.commit()

    assert take(run, config) is None


def test_it_takes_over_from_a_worker_that_stopped_renewing(run: ScheduledExportRun, config: Settings) -> None:
    first = taken(run, config)
    started = run.started_at
    expire(run)

    second = taken(run, config, "worker-2")

    assert second.token != first.token
    assert (run.attempt, run.started_at) == (2, started)
    lost, present = run.attempts
    assert (lost.outcome, lost.ended_at is not None) == ("worker lost", True)
    assert (present.worker, present.outcome, present.ended_at) == ("worker-2", None, None)


def test_it_takes_a_delivering_run_only_when_mail_is_due(run: ScheduledExportRun, config: Settings) -> None:
    delivery = Delivery(
        run_id=run.id,
        channel=Channel.EMAIL,
        target="ann@example.org",
        status=DeliveryStatus.DEFERRED,
        next_attempt_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    db.session.add(delivery)
    run.status = RunStatus.DELIVERING
    db.session.commit()
    assert take(run, config) is None

    delivery.next_attempt_at = datetime.now(UTC) - SECOND
    db.session.commit()
    assert take(run, config) is not None


# Fences


def test_it_commits_what_the_owner_writes(run: ScheduledExportRun, config: Settings) -> None:
    with fenced(taken(run, config)) as owned:
        owned.stage = "read"

    db.session.rollback()
    assert run.stage == "read"


def test_it_refuses_every_write_of_a_worker_that_lost_the_run(
    run: ScheduledExportRun, config: Settings
) -> None:
    first = taken(run, config)
    expire(run)
    second = taken(run, config, "worker-2")
    entered = False

    with pytest.raises(LeaseLost, match="belongs to another worker"), fenced(first):
        entered = True

    assert not entered
    with fenced(second) as owned:
        owned.stage = "store"


def test_it_refuses_the_owner_of_a_run_that_is_over(run: ScheduledExportRun, config: Settings) -> None:
    owned = taken(run, config)
    run.status, run.completed_at = RunStatus.CANCELLED, datetime.now(UTC)
    db.session.commit()

    with pytest.raises(LeaseLost), fenced(owned):
        pass


def test_it_keeps_nothing_of_a_block_that_failed(run: ScheduledExportRun, config: Settings) -> None:
    owned = taken(run, config)

    def write_half() -> None:
        with fenced(owned) as held:
            held.stage = "store"
            db.session.add(RunEvent(run_id=held.id, at=datetime.now(UTC), message="half"))
            db.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()

    assert run.stage == "claim"
    assert [event.message for event in run.events] == ["Started by Manager"]


# One at a time


def occurrence(
    beside: ScheduledExportRun, due_at: datetime, *, one_at_a_time: bool = True, **values: object
) -> ScheduledExportRun:
    """Return a run that the rhythm of a run's schedule made."""
    made = ScheduledExportRun(
        organization_id=beside.organization_id,
        schedule_id=beside.schedule_id,
        due_at=due_at,
        trigger=Trigger.SCHEDULE,
        snapshot=beside.snapshot,
        created_at=due_at,
        one_at_a_time=one_at_a_time,
        **values,
    )
    db.session.add(made)
    db.session.commit()
    return made


def test_it_takes_one_of_a_schedules_runs_after_the_other(run: ScheduledExportRun, config: Settings) -> None:
    second, first = occurrence(run, NOON + SECOND), occurrence(run, NOON)

    assert take(second, config) is None, "an older one waits"
    assert take(first, config)
    assert take(second, config) is None, "an older one runs"
    first.status, first.completed_at, first.lease_token = RunStatus.CANCELLED, NOON, None
    db.session.commit()
    assert take(second, config)


def test_it_takes_a_run_by_hand_beside_them(run: ScheduledExportRun, config: Settings) -> None:
    assert take(occurrence(run, NOON), config)
    assert take(run, config)


def test_it_takes_runs_beside_each_other_where_they_may_be(run: ScheduledExportRun, config: Settings) -> None:
    assert take(occurrence(run, NOON, one_at_a_time=False), config)
    assert take(occurrence(run, NOON + SECOND, one_at_a_time=False), config)


def test_one_that_waits_for_its_retry_keeps_nobody_waiting(run: ScheduledExportRun, config: Settings) -> None:
    failed, following = occurrence(run, NOON, attempt=1), occurrence(run, NOON + SECOND)
    failed.not_before = datetime.now(UTC) + timedelta(minutes=5)
    db.session.commit()

    assert take(following, config)

    failed.not_before = NOON
    db.session.commit()
    assert take(failed, config) is None, "its turn comes when the later one is done"


def test_the_database_refuses_two_at_a_time(run: ScheduledExportRun, config: Settings) -> None:
    """What stands when two workers claim at the same moment and neither sees the other."""
    first, second = occurrence(run, NOON), occurrence(run, NOON + SECOND)
    for each in (first, second):
        each.status, each.lease_token = RunStatus.RUNNING, each.public_id

    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_it_takes_no_run_past_its_start_window(run: ScheduledExportRun, config: Settings) -> None:
    now = datetime.now(UTC)
    late, timely = (
        occurrence(run, NOON, start_by=now - SECOND),
        occurrence(run, now, start_by=now + 60 * SECOND),
    )
    assert take(late, config) is None
    late.status, late.completed_at = RunStatus.MISSED, now
    db.session.commit()
    assert take(timely, config)
    timely.start_by = now - SECOND
    expire(timely)
    assert take(timely, config, "worker-2"), "it did start in time"
