"""F10, F23: Redis is flushed, killed, away, or holds what another release put there. It is disposable."""

import signal
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from portal import queue
from portal.organizations.models import User
from portal.runs.models import RunStatus
from tests.conftest import sign_in, wait_until
from tests.faults.portal import RESCUED_WITHIN, Portal
from tests.faults.process import Fault
from tests.faults.processes import Program
from tests.faults.services import RedisServer

pytestmark = pytest.mark.faults

# How long everybody waits, at the longest, before asking again: ten times shorter, like all else.
PATIENT = Fault(
    lengths={
        "portal.jobs.scheduler:LONGEST_PAUSE": 3.0,
        "portal.jobs.worker:LONGEST_PAUSE": 3.0,
        "rq.worker.base:BaseWorker.max_connection_wait_time": 6.0,
    }
)
QUEUE = f"rq:queue:{queue.QUEUE_NAME}"
PEOPLE = ("ann@example.org", "bob@example.org", "cid@example.org")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def redis_url(server: RedisServer) -> str:
    return server.url


def schedule_each(portal: Portal) -> None:
    """Make three schedules that are due, with a recipient each."""
    for person in PEOPLE:
        portal.schedule(recipients=(person,))


def assert_each_ran_once(portal: Portal) -> None:
    runs = portal.await_end(len(PEOPLE))
    assert [run.status for run in runs] == [RunStatus.SUCCESS] * len(PEOPLE)
    assert portal.mail_by_recipient() == dict.fromkeys(PEOPLE, 1)


def await_notice(*programs: Program) -> None:
    """Wait until each has said that Redis is away."""
    wait_until(
        lambda: all("redis is away" in program.said for program in programs),
        f"{' and '.join(program.name for program in programs)} notice",
    )


@pytest.mark.parametrize("loss", ["flushed", "killed"])
def test_what_was_queued_is_enqueued_again(
    portal: Portal, server: RedisServer, redis: Redis, loss: str
) -> None:
    schedule_each(portal)
    portal.start("scheduler", PATIENT)
    portal.await_status(RunStatus.QUEUED)
    wait_until(lambda: redis.llen(QUEUE) == len(PEOPLE), "all are enqueued")
    if loss == "flushed":
        redis.flushall()
    else:
        server.kill()
        server.start()
    portal.start("worker")

    assert_each_ran_once(portal)


@pytest.mark.parametrize("loss", ["flushed", "killed"])
def test_a_run_under_way_does_not_need_it(
    portal: Portal, server: RedisServer, redis: Redis, loss: str
) -> None:
    """The same processes go on with the others, once it is back."""
    schedule_each(portal)
    scheduler = portal.start("scheduler", PATIENT)
    worker = portal.start("worker", replace(PATIENT, at="portal.runs.pipeline:store", do="wait"))
    worker.await_fault()
    if loss == "flushed":
        redis.flushall()
    else:
        server.kill()
    worker.release()
    portal.wait_until(
        lambda: RunStatus.SUCCESS in {run.status for run in portal.runs()}, "the run under way ends"
    )
    if loss == "killed":
        await_notice(scheduler, worker)
        server.start()

    assert_each_ran_once(portal)
    assert [len(run.attempts) for run in portal.runs()] == [1, 1, 1]
    assert not worker.has_ended()
    assert not scheduler.has_ended()


def test_what_falls_due_while_it_is_away_runs_when_it_is_back(
    portal: Portal, server: RedisServer, client: FlaskClient, manager: User
) -> None:
    """Pages answer meanwhile. Its processes were idle, and wait for it."""
    scheduler = portal.start("scheduler", PATIENT)
    worker = portal.start("worker")
    wait_until(lambda: "portal:scheduler:heartbeat" in keys(server), "the scheduler beats")
    wait_until(lambda: any(key.startswith("rq:worker:") for key in keys(server)), "the worker is there")
    server.kill()
    schedule_each(portal)

    assert client.get("/healthz").status_code == 200
    assert client.get("/login").status_code == 200
    sign_in(client, manager)
    assert client.get("/").status_code == 200
    assert client.get("/schedules").status_code == 200
    await_notice(scheduler)
    server.start()

    assert_each_ran_once(portal)
    assert not worker.has_ended()
    assert not scheduler.has_ended()


def keys(server: RedisServer) -> set[str]:
    with Redis.from_url(server.url, decode_responses=True) as connection:
        return set(connection.scan_iter())


def test_processes_that_start_without_it_wait_for_it(portal: Portal, server: RedisServer) -> None:
    server.kill()
    schedule_each(portal)
    programs = [portal.start("scheduler", PATIENT), portal.start("worker", PATIENT)]
    await_notice(*programs)
    server.start()

    assert_each_ran_once(portal)
    assert "Traceback" not in "".join(program.said for program in programs)


def test_a_process_that_waits_for_it_ends_when_told_to(portal: Portal, server: RedisServer) -> None:
    server.kill()
    programs = [portal.start("scheduler"), portal.start("worker")]
    await_notice(*programs)
    for program in programs:
        program.send(signal.SIGTERM)

    for program in programs:
        program.exit_status(within=RESCUED_WITHIN)
    server.start()


def previous_release_enqueues(redis: Redis, function: str, run_id: str) -> str:
    """Write what the first release (commit 192b1c6) wrote for a run's first attempt; return the job's id."""
    job = f"{run_id}_0"
    redis.sadd("rq:queues", QUEUE)
    redis.hset(
        f"rq:job:{job}",
        mapping={
            "status": "queued",
            "created_at": "2026-11-25T02:48:26.033452Z",
            "data": zlib.compress(orjson.dumps([function, None, [run_id], {}])),
            "success_callback_name": "",
            "failure_callback_name": "",
            "stopped_callback_name": "",
            "started_at": "",
            "ended_at": "",
            "last_heartbeat": "",
            "worker_name": "",
            "group_id": "",
            "origin": queue.QUEUE_NAME,
            "description": f"run {run_id}",
            "enqueued_at": "2026-11-25T02:48:26.040509Z",
            "timeout": "3600",
            "result_ttl": "0",
            "failure_ttl": "86400",
        },
    )
    redis.rpush(QUEUE, job)
    return job


def queued_run(portal: Portal, redis: Redis) -> str:
    """Make a run that is queued, and of which Redis knows nothing; return its id."""
    portal.schedule(recipients=("ann@example.org",))
    scheduler = portal.start("scheduler")
    wait_until(lambda: redis.llen(QUEUE) == 1, "it is enqueued")
    scheduler.kill()
    redis.flushall()
    return portal.run().public_id


def test_a_job_of_the_previous_release_runs(portal: Portal, redis: Redis) -> None:
    """F23. No scheduler is there to enqueue it again."""
    previous_release_enqueues(redis, "portal.jobs.tasks.execute_run", queued_run(portal, redis))

    portal.start("worker")

    portal.await_end()
    assert portal.attempts() == [(1, "SUCCESS")]
    assert portal.mail_by_recipient() == {"ann@example.org": 1}


def test_a_job_that_no_release_knows_any_more_is_dropped_and_its_run_runs(
    portal: Portal, redis: Redis
) -> None:
    """F23. The worker takes no harm."""
    previous_release_enqueues(redis, "portal.jobs.tasks.run_export", queued_run(portal, redis))

    worker = portal.start("worker")
    wait_until(lambda: redis.llen(QUEUE) == 0, "the worker takes the job")
    assert portal.run().status is RunStatus.QUEUED
    portal.start("scheduler")

    portal.await_end()
    assert portal.attempts() == [(1, "SUCCESS")]
    assert portal.mail_by_recipient() == {"ann@example.org": 1}
    assert not worker.has_ended()
