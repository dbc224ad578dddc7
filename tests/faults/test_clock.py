"""F13: a host's clock is a day ahead, or a day behind. No occurrence runs twice, and none is lost."""

from datetime import timedelta

import pytest
from redis import Redis

from portal.clock import utcnow
from portal.jobs.scheduler import HEARTBEAT_KEY
from portal.runs.models import RunStatus
from tests.conftest import wait_until
from tests.faults.portal import Portal
from tests.faults.process import Fault

pytestmark = pytest.mark.faults

DAY = 86_400.0
either_way = pytest.mark.parametrize("wrong", [DAY, -DAY], ids=["ahead", "behind"])


@pytest.fixture
def database() -> str:
    return "sqlite"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str) -> str:
    return str(request.getfixturevalue(f"{database}_url"))


def await_ticks(redis: Redis) -> None:
    """Wait until a whole tick has passed after what the test did before."""
    for _ in range(2):
        redis.delete(HEARTBEAT_KEY)
        wait_until(lambda: bool(redis.exists(HEARTBEAT_KEY)), "the scheduler ticks")


@pytest.mark.parametrize("database", ["postgresql"])
@either_way
def test_what_is_due_is_for_the_database_to_say(portal: Portal, redis: Redis, wrong: float) -> None:
    """Neither scheduler nor worker has the right time."""
    portal.schedule(recipients=("ann@example.org",))
    portal.schedule(due=utcnow() + timedelta(hours=6), recipients=("early@example.org",))
    portal.start("scheduler", Fault(clock=wrong))
    portal.start("worker", Fault(clock=wrong))

    (run,) = portal.await_end()
    await_ticks(redis)

    assert run.status is RunStatus.SUCCESS
    assert portal.mail_by_recipient() == {"ann@example.org": 1}
    assert len(portal.runs()) == 1
    upcoming = [schedule.next_run_at for schedule in portal.schedules()]
    assert all(utcnow() < at < utcnow() + timedelta(days=1) for at in upcoming if at)
    assert len(upcoming) == 2


@pytest.mark.parametrize("database", ["postgresql"])
@either_way
def test_no_run_is_taken_from_a_worker_by_a_wrong_clock(portal: Portal, redis: Redis, wrong: float) -> None:
    portal.schedule(recipients=("ann@example.org",))
    right = portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.runs.pipeline:store", do="wait"))
    worker.await_fault()
    right.kill()
    portal.start("scheduler", Fault(clock=wrong))
    portal.start("worker", Fault(clock=wrong))
    await_ticks(redis)
    worker.release()

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert "worker lost" not in {attempt.outcome for attempt in run.attempts}
    assert portal.mail_by_recipient() == {"ann@example.org": 1}


def test_a_clock_that_was_ahead_for_a_while_doubles_nothing(portal: Portal, redis: Redis) -> None:
    """The database's clock too, as on SQLite: the next occurrence is fired early, and once."""
    portal.schedule(recipients=("ann@example.org",))
    portal.start("worker")
    for wrong in (DAY, 0.0, 0.6 * DAY):  # ahead; set right; and when the time of the early one has come
        scheduler = portal.start("scheduler", Fault(clock=wrong, database_clock=True))
        await_ticks(redis)
        scheduler.kill()

        first, second = portal.await_end(2)
        assert (first.status, second.status) == (RunStatus.MISSED, RunStatus.SUCCESS)
        assert first.reason
        assert second.due_at > utcnow(), "it was early"
        assert portal.mail_by_recipient() == {"ann@example.org": 1}


def test_a_clock_that_was_behind_for_a_while_loses_nothing(portal: Portal, redis: Redis) -> None:
    portal.schedule(recipients=("ann@example.org",))
    portal.start("worker")
    late = portal.start("scheduler", Fault(clock=-DAY, database_clock=True))
    await_ticks(redis)
    late.kill()
    assert portal.runs() == []

    for _ in range(2):
        scheduler = portal.start("scheduler")
        await_ticks(redis)
        scheduler.kill()

        (run,) = portal.await_end()
        assert run.status is RunStatus.SUCCESS
        assert portal.mail_by_recipient() == {"ann@example.org": 1}
