"""Dispatch by policies, by the owner's rights and by the organization's days off, on both databases."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from portal import queue
from portal.alerts.models import Alert, Cause
from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.extensions import db
from portal.organizations.models import DayOff, User
from portal.permissions import Role
from portal.runs import dispatch, policies
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.schedules.models import Misfire, Overlap, ScheduledExport, ScheduleState
from portal.schedules.rules import HolidayPolicy, Kind, Rule
from tests import factories

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)
"""Monday 08:00 in Berlin."""
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
QUEUED, MISSED, SKIPPED = RunStatus.QUEUED, RunStatus.MISSED, RunStatus.SKIPPED


@pytest.fixture
def owner(either_app: Flask) -> User:
    acme = factories.organization("Acme Co.", "acme")
    made = factories.user(acme, Role.MANAGER, "manager@acme.example")
    db.session.commit()
    return made


@pytest.fixture
def cases(owner: User, config: Settings) -> Dataset:
    return factories.dataset(owner.organization, config)


def daily(owner: User, cases: Dataset, **changes: object) -> ScheduledExport:
    """Return a schedule due first on DUE."""
    made = factories.schedule(
        owner, cases, now=DUE - MINUTE, **{"rule": Rule(Kind.DAILY, time(8, 0)), **changes}
    )
    assert made.next_run_at == DUE
    return made


def tick(redis: Redis, config: Settings, now: datetime) -> int:
    return dispatch.enqueue_due(redis, settings=config, now=now)


def runs() -> list[ScheduledExportRun]:
    return list(db.session.scalars(select(ScheduledExportRun).order_by(ScheduledExportRun.due_at)))


def fates() -> list[tuple[datetime, RunStatus]]:
    return [(run.due_at, run.status) for run in runs()]


def test_it_catches_up_with_all_in_order(owner: User, cases: Dataset, config: Settings, redis: Redis) -> None:
    daily(owner, cases, misfire=Misfire.ALL)

    assert tick(redis, config, DUE + 2 * DAY) == 3

    assert fates() == [(DUE, QUEUED), (DUE + DAY, QUEUED), (DUE + 2 * DAY, QUEUED)]
    assert [run.catches_up for run in runs()] == [True, True, False]
    assert queue.run_queue(redis).job_ids == [queue.job_id(run.public_id, 0) for run in runs()]


def test_it_catches_up_with_none(owner: User, cases: Dataset, config: Settings, redis: Redis) -> None:
    schedule = daily(owner, cases, misfire=Misfire.NONE)

    assert tick(redis, config, DUE + DAY + 2 * MINUTE) == 0

    assert [(run.status, run.reason) for run in runs()] == [
        (MISSED, policies.ONLY_THE_LATEST),
        (MISSED, policies.NO_CATCHING_UP),
    ]
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.schedule_id, alert.run_id) == (
        Cause.RUN_MISSED,
        schedule.id,
        runs()[-1].public_id,
    )


def test_it_gives_runs_the_end_of_their_start_window(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    daily(owner, cases, start_window=30)

    assert tick(redis, config, DUE + DAY + 10 * MINUTE) == 1

    missed, queued = runs()
    assert (missed.status, missed.reason) == (MISSED, "It could not start within 30 minutes of its time.")
    assert (queued.status, queued.start_by) == (QUEUED, DUE + DAY + 30 * MINUTE)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        (Overlap.QUEUE, [QUEUED, SKIPPED, SKIPPED]),
        (Overlap.SKIP, [QUEUED, SKIPPED, SKIPPED]),
        (Overlap.ALLOW, [QUEUED, QUEUED, QUEUED]),
    ],
)
def test_it_lets_one_wait_while_no_worker_is_there(
    owner: User,
    cases: Dataset,
    config: Settings,
    redis: Redis,
    overlap: Overlap,
    expected: list[RunStatus],
) -> None:
    daily(owner, cases, overlap=overlap)
    for days in range(3):
        tick(redis, config, DUE + days * DAY)

    assert [run.status for run in runs()] == expected
    assert all(run.one_at_a_time is (overlap is not Overlap.ALLOW) for run in runs())


@pytest.mark.parametrize(
    ("overlap", "expected"), [(Overlap.QUEUE, [QUEUED, SKIPPED]), (Overlap.SKIP, [SKIPPED, SKIPPED])]
)
def test_it_lets_one_wait_behind_a_run_under_way(
    owner: User,
    cases: Dataset,
    config: Settings,
    redis: Redis,
    overlap: Overlap,
    expected: list[RunStatus],
) -> None:
    daily(owner, cases, overlap=overlap)
    tick(redis, config, DUE)
    (first,) = runs()
    first.status, first.lease_token, first.attempt = RunStatus.RUNNING, "t", 1
    db.session.commit()

    tick(redis, config, DUE + DAY)
    tick(redis, config, DUE + 2 * DAY)

    _, *later = runs()
    assert [run.status for run in later] == expected
    assert later[-1].reason in (policies.ONE_WAITS, policies.STILL_UNDER_WAY)
    assert later[-1].completed_at == DUE + 2 * DAY


def test_a_run_being_mailed_keeps_none_waiting(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    daily(owner, cases, overlap=Overlap.SKIP)
    tick(redis, config, DUE)
    (first,) = runs()
    first.status = RunStatus.DELIVERING
    db.session.commit()

    tick(redis, config, DUE + DAY)

    assert [run.status for run in runs()] == [RunStatus.DELIVERING, QUEUED]


def test_it_pauses_the_schedule_of_an_owner_who_left(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    schedule = daily(owner, cases)
    owner.disabled_at = DUE - MINUTE
    db.session.commit()

    assert tick(redis, config, DUE) == 0

    reason = "The account of Manager is disabled."
    assert (schedule.state, schedule.paused_reason, schedule.next_run_at) == (
        ScheduleState.PAUSED,
        reason,
        None,
    )
    assert [(run.status, run.reason) for run in runs()] == [(SKIPPED, reason)]
    alert = db.session.scalars(select(Alert)).one()
    assert (alert.cause, alert.message) == (Cause.SCHEDULE_PAUSED, reason)


def test_it_pauses_the_schedule_of_an_owner_who_may_no_longer(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    schedule = daily(owner, cases)
    owner.role = Role.AUDITOR
    db.session.commit()

    tick(redis, config, DUE)

    assert schedule.paused_reason == "Manager may no longer manage schedules."


def test_it_finishes_a_schedule_after_its_last_occurrence(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    schedule = daily(owner, cases, rule=Rule(Kind.DAILY, time(8, 0), ends_on=date(2025, 3, 11)))
    tick(redis, config, DUE)
    assert schedule.state is ScheduleState.ACTIVE

    tick(redis, config, DUE + DAY)

    assert (schedule.state, schedule.active, schedule.next_run_at) == (ScheduleState.FINISHED, True, None)
    assert tick(redis, config, DUE + 9 * DAY) == 0
    assert [run.due_at for run in runs()] == [DUE, DUE + DAY]
    assert "schedule.finish" in db.session.scalars(select(AuditEntry.action)).all()


def test_it_knows_the_days_off_of_the_organization(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    db.session.add(DayOff(organization_id=owner.organization_id, day=date(2025, 3, 11), name="Works outing"))
    db.session.commit()
    schedule = daily(owner, cases, rule=Rule(Kind.DAILY, time(8, 0), holidays=HolidayPolicy.SKIP))

    tick(redis, config, DUE)

    assert schedule.next_run_at == DUE + 2 * DAY


def test_it_goes_on_batch_by_batch_while_it_may(
    owner: User, cases: Dataset, config: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler that lost its lock leaves the rest to the one that has it."""
    monkeypatch.setattr(dispatch, "BATCH", 2)
    for number in range(5):
        daily(owner, cases, name=f"No. {number}")

    assert dispatch.enqueue_due(redis, settings=config, now=DUE, go_on=lambda: False) == 2
    assert tick(redis, config, DUE) == 3
    assert len({run.schedule_id for run in runs()}) == len(runs()) == queue.run_queue(redis).count == 5


def test_a_run_that_waits_for_its_retry_skips_no_other(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    daily(owner, cases, overlap=Overlap.SKIP)
    tick(redis, config, DUE)
    (failed,) = runs()
    failed.attempt, failed.not_before = 1, DUE + DAY + 25 * MINUTE
    db.session.commit()

    tick(redis, config, DUE + DAY)

    assert [run.status for run in runs()] == [QUEUED, QUEUED]


def test_every_occurrence_of_a_schedule_that_pauses_has_a_row(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    daily(owner, cases, misfire=Misfire.ALL)
    owner.disabled_at = DUE - MINUTE
    db.session.commit()

    tick(redis, config, DUE + 3 * DAY)

    assert fates() == [(DUE + days * DAY, SKIPPED) for days in range(4)]


def test_a_schedule_whose_dataset_is_broken_keeps_no_other_waiting(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    bad = daily(owner, cases, name="Bad")
    good = daily(owner, factories.dataset(owner.organization, config, "Other cases"), name="Good")
    bad.accepted_version_id = None
    db.session.flush()
    for version in cases.versions:
        db.session.delete(version)
    db.session.commit()

    assert tick(redis, config, DUE) == 1

    assert [run.schedule_id for run in runs()] == [good.id]
    assert bad.state is ScheduleState.PAUSED
    assert db.session.scalars(select(Alert)).one().cause is Cause.SCHEDULE_PAUSED


def test_a_schedule_says_what_became_of_its_last_occurrence(
    owner: User, cases: Dataset, config: Settings, redis: Redis
) -> None:
    schedule = daily(owner, cases, misfire=Misfire.NONE)

    tick(redis, config, DUE + 2 * MINUTE)

    assert (schedule.last_run_at, schedule.last_status) == (DUE, "MISSED")
