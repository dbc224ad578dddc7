"""Real worker processes, forking as in production."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from flask import Flask
from redis import Redis

from portal import database, queue
from portal.alerts.models import Cause
from portal.alerts.service import raise_alert
from portal.config import Settings
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import RunStatus, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests.conftest import SmtpServer, environment, running, wait_until

# A worker that is killed after it forked and before its child could ask to die with it.
KILLED_AT_THE_FORK = """
import os
import signal

from portal.app import create_app
from portal.jobs.worker import PortalWorker
from portal.queue import connect


class Killed(PortalWorker):
    def main_work_horse(self, job, queue):
        worker = os.getppid()
        os.kill(worker, signal.SIGKILL)
        while os.getppid() == worker:
            pass
        super().main_work_horse(job, queue)


app = create_app()
Killed(app, connect(app.config["PORTAL"])).work(burst=True, logging_level="CRITICAL")
"""
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS case_number FROM n"
)


def enqueued(actor: User, schedule: ScheduledExport, settings: Settings, redis: Redis) -> ScheduledExportRun:
    run = run_now(actor, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    queue.enqueue_runs(redis, [(run.public_id, run.attempt)], timeout=settings.run_timeout)
    db.session.rollback()
    return run


def status(run: ScheduledExportRun) -> RunStatus:
    """Read it in a transaction of its own: on SQLite an open one would keep the worker from writing."""
    with database.read_only():
        db.session.rollback()
        found = run.status
        db.session.rollback()
    return found


def test_it_takes_a_run_from_the_queue_to_the_mailbox(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis, smtp: SmtpServer
) -> None:
    run = enqueued(manager, schedule, settings, redis)

    with running("worker", settings):
        wait_until(lambda: status(run) is RunStatus.SUCCESS, "the run succeeds", 30)

    assert len(smtp.messages()) == 1
    assert queue.run_queue(redis).count == 0


def test_it_tells_people_of_alerts(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis, smtp: SmtpServer
) -> None:
    raise_alert(schedule, Cause.RUN_FAILED, "happened", run_id=None, now=datetime.now(UTC))
    db.session.commit()
    queue.enqueue_once(redis, queue.SEND_ALERTS, timeout=60)

    with running("worker", settings):
        wait_until(lambda: len(smtp.messages()) == 1, "the owner is told", 30)

    assert smtp.messages()[0]["To"] == "manager@acme.example"


def test_its_children_hold_no_connection_of_the_parent(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis
) -> None:
    """One used on both sides of a fork would corrupt the database's protocol, or a SQLite file's locks."""
    run = enqueued(manager, schedule, settings, redis)

    with running("worker", settings) as process:
        wait_until(lambda: status(run) is RunStatus.SUCCESS, "the run succeeds", 30)
        held = {Path(file.path).name for file in psutil.Process(process.pid).open_files()}

    assert not {name for name in held if name.startswith("portal.db")}


def test_its_child_dies_with_it(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis
) -> None:
    schedule.columns = ["case_number"]
    schedule.dataset.versions[0].sql = ENDLESS
    db.session.commit()
    run = enqueued(manager, schedule, settings, redis)

    with running("worker", settings) as process:
        wait_until(lambda: status(run) is RunStatus.RUNNING, "the run starts", 30)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
        gone, alive = psutil.wait_procs(children, timeout=10)

    assert children
    assert alive == []
    assert len(gone) == len(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that we died")
def test_its_child_does_nothing_when_it_died_at_the_fork(
    app: Flask, manager: User, schedule: ScheduledExport, settings: Settings, redis: Redis, smtp: SmtpServer
) -> None:
    run = enqueued(manager, schedule, settings, redis)

    script = [sys.executable, "-c", KILLED_AT_THE_FORK]
    with subprocess.Popen(script, env=environment(settings), stdout=subprocess.PIPE) as process:
        process.communicate(timeout=60)  # the child holds the pipe too: this is the end of both

    assert process.returncode == -signal.SIGKILL
    assert status(run) is RunStatus.QUEUED
    assert smtp.messages() == []
