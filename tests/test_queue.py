"""Redis carries run ids and nothing else: what an intruder writes into it never runs."""

import json
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq import Callback, Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.webhook import Webhook
from sqlalchemy import select

from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from portal.queue import (
    EXECUTE_RUN,
    QUEUE_NAME,
    SEND_ALERTS,
    SWEEP_FILES,
    PortalJob,
    connect,
    enqueue_once,
    enqueue_runs,
    job_id,
    run_queue,
    waiting_jobs,
)
from portal.runs.models import RunAttempt, RunStatus
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests.conftest import SECRET

WORK = """
from portal.app import create_app
from portal.jobs.worker import PortalWorker
from portal.queue import connect

app = create_app()
PortalWorker(app, connect(app.config["PORTAL"])).work(burst=True, logging_level="CRITICAL")
"""
# RQ as it comes. It shows that the payloads below do what they are feared for.
STOCK_WORK = """
import json
import os
from redis import Redis
from rq import SimpleWorker
from rq.serializers import DefaultSerializer, JSONSerializer

redis = Redis.from_url(os.environ["REDIS_URL"])
SimpleWorker(["exports"], connection=redis, serializer=JSONSerializer).work(burst=True)
SimpleWorker(["pickles"], connection=redis, serializer=DefaultSerializer).work(burst=True)
"""


def work(script: str, settings: Settings) -> None:
    """Work off the queue in a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_DATA_DIR": str(settings.data_dir),
        "PORTAL_PUBLIC_URL": settings.public_url,
        "REDIS_URL": settings.redis_url,
        "MAIL_SERVER": settings.mail_server,
        "MAIL_PORT": str(settings.mail_port),
        "MAIL_SECURITY": "none",
        "MAIL_SENDER": settings.mail_sender,
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


class Pickled:
    """Unpickling it runs a command."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


def leave_a_mark(job: Job, *_: object) -> None:
    """A callback: leaves a file where the job's metadata says."""
    Path(job.meta["mark"]).touch()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def plant(redis: Redis, marks: Path, listener: socket.socket, pickles: str = QUEUE_NAME) -> list[Job]:
    """Write into Redis what an intruder would; each leaves its mark when it runs."""
    queue = Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)
    named = queue.enqueue("os.system", f"touch {marks}/named")
    hook = Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/", "failed", timeout=1)
    failing = queue.enqueue(
        "os.open",
        on_failure=Callback("tests.test_queue.leave_a_mark"),
        meta={"mark": f"{marks}/on-failure"},
        webhooks=[hook],
    )
    called_back = queue.enqueue(
        SWEEP_FILES,
        on_success=Callback("tests.test_queue.leave_a_mark"),
        meta={"mark": f"{marks}/on-success"},
    )
    method = Job.create("format", args=(), connection=redis, serializer=JSONSerializer, origin=QUEUE_NAME)
    method.data = json.dumps(["format", "an instance", [], {}]).encode()
    queue.enqueue_job(method)
    pickled = Job.create("os.getcwd", connection=redis, serializer=DefaultSerializer, origin=pickles)
    pickled.data = pickle.dumps(Pickled(f"touch {marks}/pickled"))
    Queue(pickles, connection=redis, serializer=DefaultSerializer).enqueue_job(pickled)
    return [named, failing, called_back, method, pickled]


def test_it_runs_nothing_an_intruder_wrote_into_redis(
    app: Flask, redis: Redis, settings: Settings, tmp_path: Path, listener: socket.socket
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    jobs = plant(redis, marks, listener)

    work(WORK, settings)

    assert list(marks.iterdir()) == []
    assert not was_called(listener)
    assert run_queue(redis).job_ids == [], "and nothing stands in the way of what comes after"
    named, failing, _, method, pickled = (redis.hget(job.key, "status") for job in jobs)
    assert (named, failing, method, pickled) == (b"failed",) * 4


def test_it_fears_rightly_for_stock_rq_runs_them_all(
    app: Flask, redis: Redis, settings: Settings, tmp_path: Path, listener: socket.socket
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    plant(redis, marks, listener, pickles="pickles")

    work(STOCK_WORK, settings)

    assert {mark.name for mark in marks.iterdir()} >= {"named", "on-failure", "pickled"}
    assert was_called(listener)


def test_it_runs_an_allowed_job(app: Flask, redis: Redis, settings: Settings) -> None:
    abandoned = settings.files_dir / ".work" / "abandoned"
    abandoned.parent.mkdir(parents=True)
    abandoned.touch()
    os.utime(abandoned, (time.time() - 90_000,) * 2)
    run_queue(redis).enqueue(SWEEP_FILES, job_id="sweep")

    work(WORK, settings)

    assert not abandoned.exists()


def test_it_makes_a_run_once_however_often_it_was_enqueued(
    app: Flask, redis: Redis, settings: Settings, manager: User, schedule: ScheduledExport
) -> None:
    run = run_now(manager, schedule, settings=settings, now=datetime.now(UTC))
    db.session.flush()
    run_id = run.public_id
    db.session.commit()
    for _ in range(3):
        enqueue_runs(redis, [(run_id, 0)], timeout=60)
    assert redis.keys("rq:job:*") == [f"rq:job:{job_id(run_id, 0)}".encode()]

    work(WORK, settings)

    assert run.status is RunStatus.SUCCESS, run.error_message
    assert db.session.scalars(select(RunAttempt.number)).all() == [1]
    assert redis.keys("rq:job:*") == [], "a finished job leaves nothing in Redis"


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "portal.jobs.tasks.os.system",
        "portal.runs.pipeline.execute",
        "portal.jobs.tasks.execute_run ",
        "",
    ],
)
def test_it_refuses_to_name_a_function_that_is_not_listed(redis: Redis, name: str) -> None:
    job = PortalJob("j", connection=redis)
    job.data = json.dumps([name, None, [], {}]).encode()

    with pytest.raises(Exception, match="names a function that workers don't run"):
        _ = job.func


def test_it_finds_the_functions_that_are_listed(redis: Redis) -> None:
    for name in (EXECUTE_RUN, SWEEP_FILES, SEND_ALERTS):
        job = PortalJob("j", connection=redis)
        job.data = json.dumps([name, None, [], {}]).encode()
        assert job.func.__name__ == name.rpartition(".")[2]


def test_it_puts_one_json_job_a_run_into_the_queue(redis: Redis) -> None:
    enqueue_runs(redis, [("first", 0), ("second", 2)], timeout=60)

    assert sorted(run_queue(redis).job_ids) == ["first_0", "second_2"]
    job = PortalJob.fetch("second_2", connection=redis)
    assert (job.func_name, job.args, job.timeout) == (EXECUTE_RUN, ["second"], 60)
    assert redis.hget("rq:job:second_2", "data") is not None


def test_it_enqueues_nothing_when_nothing_is_due(redis: Redis) -> None:
    enqueue_runs(redis, [], timeout=60)

    assert redis.keys("*") == []


def test_a_job_that_waits_is_not_enqueued_again(redis: Redis) -> None:
    assert enqueue_once(redis, SEND_ALERTS, timeout=240)
    assert not enqueue_once(redis, SEND_ALERTS, timeout=240)
    assert run_queue(redis).job_ids == ["send_alerts"]

    run_queue(redis).pop_job_id()  # by a worker that died with it, its hash is still there
    assert redis.exists("rq:job:send_alerts")
    assert enqueue_once(redis, SEND_ALERTS, timeout=240)
    assert run_queue(redis).job_ids == ["send_alerts"]


def test_it_counts_as_waiting_what_stands_in_the_queue_alone(redis: Redis) -> None:
    enqueue_runs(redis, [("waiting", 0), ("taken", 0)], timeout=60)
    redis.lrem(f"rq:queue:{QUEUE_NAME}", 0, "taken_0")
    redis.hset("rq:job:taken_0", "status", "started")

    assert waiting_jobs(redis) == {"waiting_0"}


def test_it_connects_to_the_redis_of_the_settings(settings: Settings, redis: Redis) -> None:
    redis.set("here", "yes")

    with connect(settings) as connection:
        assert connection.get("here") == b"yes"


def test_a_run_that_was_begun_goes_before_those_that_wait(redis: Redis) -> None:
    """Else a worker's death would cost its run the whole queue's time once more."""
    enqueue_runs(redis, [("run-1", 0), ("run-2", 0)], timeout=60)
    enqueue_runs(redis, [("run-3", 1), ("run-4", 0)], timeout=60)

    assert run_queue(redis).job_ids == ["run-3_1", "run-1_0", "run-2_0", "run-4_0"]
