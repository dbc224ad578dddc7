"""F14, P1: several schedulers, one of them frozen in the middle of a tick. One run an occurrence."""

from datetime import timedelta

import pytest
from redis import Redis
from rq_scheduler import Scheduler

from portal import queue
from portal.clock import utcnow
from portal.runs.models import RunStatus
from tests.conftest import wait_until
from tests.faults.portal import RESCUED_WITHIN, Portal
from tests.faults.process import Fault

pytestmark = pytest.mark.faults

SHORT_LOCK = {"portal.jobs.scheduler:PortalScheduler.lock_seconds": 3}
BEFORE = tuple(f"before{number}@example.org" for number in range(5))
LATER = tuple(f"later{number}@example.org" for number in range(3))
READERS = tuple(f"reader{number}@example.org" for number in range(60))


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


def assert_each_ran_once(portal: Portal, people: tuple[str, ...], within: float) -> None:
    runs = portal.await_end(len(people), within)
    assert len(runs) == len({(run.schedule_id, run.due_at) for run in runs}) == len(people)
    assert {run.status for run in runs} == {RunStatus.SUCCESS}
    assert portal.mail_by_recipient() == dict.fromkeys(people, 1)


@pytest.mark.parametrize(
    "frozen_at",
    [
        Fault("portal.runs.dispatch:_record", when="after", do="stop", lengths=SHORT_LOCK),
        Fault("portal.queue:enqueue_runs", do="stop", lengths=SHORT_LOCK),
    ],
    ids=["before its commit", "after its commit"],
)
def test_another_scheduler_goes_on_while_one_is_frozen(
    portal: Portal, redis: Redis, frozen_at: Fault
) -> None:
    """F14: with what falls due meanwhile. The frozen one's share is doubled by nobody."""
    for person in BEFORE:
        portal.schedule(recipients=(person,))
    frozen = portal.start("scheduler", frozen_at)
    frozen.await_fault()
    for person in LATER:
        portal.schedule(recipients=(person,))
    portal.start("scheduler")
    portal.start("worker")
    portal.wait_until(
        lambda: set(LATER) <= portal.mail_by_recipient().keys(), "the other scheduler goes on", RESCUED_WITHIN
    )
    frozen.thaw()

    assert_each_ran_once(portal, (*BEFORE, *LATER), RESCUED_WITHIN)
    wait_until(lambda: redis.llen(f"rq:queue:{queue.QUEUE_NAME}") == 0, "no job is left over")
    assert_each_ran_once(portal, (*BEFORE, *LATER), RESCUED_WITHIN)
    assert {len(run.attempts) for run in portal.runs()} == {1}
    assert not frozen.has_ended()


def test_many_schedulers_and_workers_double_nothing(portal: Portal, redis: Redis) -> None:
    """P1: the schedulers' lock is taken from them all the while, so that all of them dispatch."""
    due = utcnow() + timedelta(seconds=3)
    for person in READERS:
        portal.schedule(due=due, recipients=(person,))
    for _ in range(3):
        portal.start("scheduler")
    for _ in range(5):
        portal.start("worker")

    def all_dispatched() -> bool:
        redis.delete(Scheduler.scheduler_lock_key)
        return len(portal.runs()) >= len(READERS)

    wait_until(all_dispatched, "all are dispatched", 60)
    assert_each_ran_once(portal, READERS, within=60)
