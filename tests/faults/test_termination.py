"""F22: SIGTERM to a worker with a run under way. And a run that goes past its time limit."""

import signal

import pytest
from redis import Redis

from portal import queue
from portal.runs.models import RunStatus
from tests.conftest import wait_until
from tests.faults.portal import RESCUED_WITHIN, Portal
from tests.faults.process import Fault
from tests.faults.processes import Program

pytestmark = pytest.mark.faults

# Half a second a message: six seconds in all.
SLOW = Fault("portal.delivery.email:send", do="slow")
TWELVE = tuple(f"reader{number}@example.org" for number in range(12))
# What never comes to a point where it can stop is ended after this, ten times shorter.
IMPATIENT = {"portal.runs.oversight:PATIENCE": 1.0}
RETRIES = 3
whom = pytest.mark.parametrize("whole_group", [False, True], ids=["the worker", "its whole group"])


def stopped_in_the_middle(portal: Portal, *, whole_group: bool) -> Program:
    """Start a run with twelve messages; send SIGTERM once the first one has left."""
    portal.schedule(recipients=TWELVE)
    portal.start("scheduler")
    worker = portal.start("worker", SLOW)
    portal.wait_until(lambda: bool(portal.mail()), "the first message leaves")
    assert portal.run().status is RunStatus.RUNNING
    worker.send(signal.SIGTERM, whole_group=whole_group)
    return worker


@pytest.mark.parametrize("changes", [{"worker_grace": 20}])
@whom
def test_a_run_that_fits_into_the_grace_is_finished(portal: Portal, whole_group: bool) -> None:
    worker = stopped_in_the_middle(portal, whole_group=whole_group)

    assert worker.exit_status(within=30) == 0
    (run,) = portal.await_end(within=0)
    assert run.status is RunStatus.SUCCESS
    assert portal.attempts() == [(1, "SUCCESS")]
    assert portal.mail_by_recipient() == dict.fromkeys(TWELVE, 1)


@pytest.mark.parametrize("changes", [{"worker_grace": 1}])
@whom
def test_a_longer_run_is_released_and_finished_by_another(portal: Portal, whole_group: bool) -> None:
    worker = stopped_in_the_middle(portal, whole_group=whole_group)

    assert worker.exit_status(within=30) == 0
    run = portal.run()
    assert run.status is RunStatus.QUEUED
    assert run.retries_left == RETRIES
    assert 0 < len(portal.mail()) < len(TWELVE)
    portal.start("worker")

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert [outcome for _, outcome in portal.attempts()] == ["released", "SUCCESS"]
    assert run.retries_left == RETRIES
    assert portal.mail_by_recipient() == dict.fromkeys(TWELVE, 1)
    assert [delivery.note for delivery in portal.deliveries()] == [None] * len(TWELVE)


@pytest.mark.parametrize("changes", [{"worker_grace": 1}])
def test_a_run_that_does_not_stop_by_itself_is_released_all_the_same(portal: Portal) -> None:
    portal.schedule(recipients=("ann@example.org",))
    portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.datasets.query:_convert", do="wait", lengths=IMPATIENT))
    worker.await_fault()
    worker.send(signal.SIGTERM)
    worker.exit_status(within=20)
    portal.start("worker")

    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert [outcome for _, outcome in portal.attempts()] == ["released", "SUCCESS"]
    assert run.retries_left == RETRIES
    assert portal.mail_by_recipient() == {"ann@example.org": 1}


def test_an_idle_worker_and_a_scheduler_end_at_once(portal: Portal, redis: Redis) -> None:
    programs = [portal.start("scheduler"), portal.start("worker")]
    wait_until(lambda: bool(redis.exists(queue.HEARTBEAT_KEY)), "the scheduler beats")
    wait_until(lambda: bool(redis.keys("rq:worker:*")), "the worker is there")
    for program in programs:
        program.send(signal.SIGTERM)

    assert [program.exit_status(within=RESCUED_WITHIN) for program in programs] == [0, 0]
    assert not redis.exists("rq:scheduler_lock")


@pytest.mark.parametrize("changes", [{"run_timeout": 2}])
def test_a_run_past_its_limit_is_ended_and_the_worker_goes_on(portal: Portal) -> None:
    portal.schedule(recipients=("ann@example.org",))
    portal.start("scheduler")
    worker = portal.start("worker", Fault("portal.datasets.query:_convert", do="wait", lengths=IMPATIENT))
    worker.await_fault()
    worker.await_end_of_child()
    portal.schedule(recipients=("bob@example.org",))

    ended, other = portal.await_end(2)
    assert (ended.status, ended.error_code) == (RunStatus.FAILED, "timeout")
    assert other.status is RunStatus.SUCCESS
    assert portal.mail_by_recipient() == {"bob@example.org": 1}
    assert not worker.has_ended()
