"""RQ's forking worker, one run at a time, one process a core."""

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from sqlalchemy.orm import configure_mappers

from portal.extensions import db
from portal.jobs import tasks  # noqa: F401 - imported before the fork, so that no child pays for it again
from portal.queue import FIRST_PAUSE, LONGEST_PAUSE, PortalJob, RunQueue, run_queue

MAIL_TEMPLATES = ("emails/export.html", "emails/export.txt")
_PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)


class PortalWorker(Worker):
    """Runs jobs inside the application's context, in children that hold no connection of the parent."""

    def __init__(self, app: Flask, connection: Redis, **options: Any) -> None:
        super().__init__(
            [run_queue(connection)],
            connection=connection,
            job_class=PortalJob,
            queue_class=RunQueue,
            serializer=JSONSerializer,
            **options,
        )
        self._app = app
        self.told_to_end = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember that it was asked: RQ's loop also ends by itself, after errors."""
        self.told_to_end = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork. The child learns whose it is from before: asked later, a dead parent's successor answers."""
        self._forked_by = os.getpid()
        super().fork_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        """Tell the child as well: it has the grace period to finish, then it releases its run."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.horse_pid, signal.SIGTERM)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run one job in the forked child, which ends with its parent and shares no database connection."""
        die_with_parent(self._forked_by)
        # It stays pending, for the run's oversight to see: a handler would wait for whatever call the main
        # thread is in.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        with self._app.app_context():
            db.engine.dispose(close=False)
            super().main_work_horse(job, queue)


def work_forever(app: Flask, connection: Redis) -> None:
    """Work until told to stop; when Redis is away, wait for it instead of exiting."""
    _prepare_for_children(app)
    pause = FIRST_PAUSE
    while True:
        try:
            worker = PortalWorker(app, connection)
            worker.work(logging_level="WARNING")
            if worker.told_to_end:
                return
            log.warning("the worker's loop ended by itself; it begins anew in %.0f s", pause)
        except RedisError as error:
            log.warning("redis is away (%s); next try in %.0f s", type(error).__name__, pause)
        try:
            time.sleep(pause)
        except StopRequested:  # the handler of SIGTERM that the attempt before left there
            return
        pause = min(pause * 2, LONGEST_PAUSE)


def _prepare_for_children(app: Flask) -> None:
    """Do once what every child would do anew, none of which opens a connection."""
    configure_mappers()
    for name in MAIL_TEMPLATES:
        app.jinja_env.get_template(name)
    # What is there stays: a child that collects garbage would otherwise write to, and so copy, every page.
    gc.collect()
    gc.freeze()


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when its parent is gone; elsewhere the lease alone decides."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)
