"""rq-scheduler's process and loop, mended where it loses locks or jobs, and dispatching our schedules."""

import logging
import time
import warnings
from collections.abc import Callable
from uuid import uuid4

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq_scheduler import Scheduler
from sqlalchemy.exc import OperationalError

from portal import queue
from portal.alerts import telling
from portal.clock import utcnow
from portal.config import Settings
from portal.database import database_now, read_only
from portal.extensions import db
from portal.queue import FIRST_PAUSE, LONGEST_PAUSE, PortalJob, RunQueue
from portal.runs import dispatch, recovery

log = logging.getLogger(__name__)

HEARTBEAT_KEY = queue.HEARTBEAT_KEY
HOUSEKEEPING_TIMEOUT = 1800
QUARANTINE_KEY = "portal:scheduler:quarantine"
HOUSEKEEPING = (("sweep-files", queue.SWEEP_FILES, "17 * * * *"),)

# Only its owner may renew or release the lock: stock rq-scheduler deletes whatever lock is there.
_RENEW = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('expire', KEYS[1], ARGV[2]) end return 0"
)
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class PortalScheduler(Scheduler):  # type: ignore[misc] # rq-scheduler has no types
    """One tick a second: rq-scheduler's own entries, then due schedules, then, less often, the sweep."""

    lock_seconds = 30
    batch = 200

    def __init__(self, app: Flask, connection: Redis, *, interval: float = 1) -> None:
        super().__init__(
            queue=RunQueue(queue.QUEUE_NAME, connection=connection),
            connection=connection,
            interval=interval,
            job_class=PortalJob,
            queue_class=RunQueue,
        )
        self._app = app
        self._settings: Settings = app.config["PORTAL"]
        self._token = uuid4().hex
        self._next_sweep = 0.0
        self._pause = FIRST_PAUSE

    def acquire_lock(self) -> bool:
        """Take the lock under a token of this process, for `lock_seconds`."""
        taken = self.connection.set(self.scheduler_lock_key, self._token, nx=True, ex=self.lock_seconds)
        self._lock_acquired = bool(taken)
        return self._lock_acquired

    def remove_lock(self) -> None:
        """Release the lock if this process still holds it."""
        if self._lock_acquired:
            self._lock_acquired = False
            try:
                self.connection.eval(_RELEASE, 1, self.scheduler_lock_key, self._token)
            except RedisError as error:  # it expires by itself; an error would undo the signal to end
                log.info("the lock is left to expire (%s)", type(error).__name__)

    def enqueue_jobs(self) -> None:
        """Do one tick: each part is tried, whatever became of the others."""
        self._enqueue_entries()
        self._attempt(self._dispatch)
        self._attempt(self._sweep_now_and_then)
        self.connection.set(HEARTBEAT_KEY, utcnow().isoformat())
        self._pause = FIRST_PAUSE

    def _attempt(self, part: Callable[[], object]) -> None:
        """Do a part of the tick in a session of its own. Without a database the next tick tries again."""
        with self._app.app_context():
            try:
                part()
            except OperationalError as error:
                reason = str(error.orig).strip().partition("\n")[0]
                log.warning("the database did not answer (%s); the next tick tries again", reason)
            except RedisError:
                raise
            except Exception:
                log.exception("a part of this tick failed; the next one tries again")
            finally:
                db.session.remove()

    def run_forever(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Run until told to stop; when Redis is away, wait for it instead of exiting."""
        while not stopped():
            try:
                self._register_housekeeping()
                self.run()
                return
            except RedisError as error:
                log.warning("redis is away (%s); next try in %.0f s", type(error).__name__, self._pause)
                time.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                self.name = uuid4().hex  # the old name may still be registered

    def register_death(self) -> None:
        """Sign off, if Redis is there to hear it."""
        try:
            super().register_death()
        except RedisError as error:
            log.info("signed off without redis (%s)", type(error).__name__)

    def _enqueue_entries(self) -> None:
        """Enqueue rq-scheduler's own due entries in batches, renewing the lock between them."""
        while True:
            ids = self.connection.zrangebyscore(
                self.scheduled_jobs_key, 0, int(time.time()), start=0, num=self.batch
            )
            if not ids or not self._renew_lock():
                return
            for raw in ids:
                self._enqueue_entry(raw.decode())

    def _enqueue_entry(self, entry_id: str) -> None:
        """Enqueue one entry; one that can't be read is set aside, or it would block all others for ever."""
        try:
            job: Job = self.job_class.fetch(entry_id, connection=self.connection)
            self.enqueue_job(job)
        except RedisError:
            raise
        except NoSuchJobError:
            self.connection.zrem(self.scheduled_jobs_key, entry_id)
        except Exception:
            log.exception("entry %s set aside", entry_id)
            self.connection.zadd(QUARANTINE_KEY, {entry_id: time.time()})
            self.connection.zrem(self.scheduled_jobs_key, entry_id)

    def _renew_lock(self) -> bool:
        return bool(self.connection.eval(_RENEW, 1, self.scheduler_lock_key, self._token, self.lock_seconds))

    def _dispatch(self) -> None:
        # By the database's clock: hosts whose own clocks are wrong must not fire a schedule too early.
        now = database_now(db.session.connection())
        dispatch.enqueue_due(self.connection, settings=self._settings, now=now, go_on=self._renew_lock)

    def _sweep_now_and_then(self) -> None:
        if time.monotonic() < self._next_sweep or not self._renew_lock():
            return
        self._next_sweep = time.monotonic() + self._settings.sweep_interval
        found = recovery.sweep(self.connection, settings=self._settings, now=utcnow())
        if found:
            log.info("swept: %d runs enqueued again", found)
        self._have_alerts_sent()
        self._register_housekeeping()  # a flush of Redis takes the entries with it

    def _have_alerts_sent(self) -> None:
        """Ask a worker to tell people of alerts: no mail server may hold up the scheduler."""
        with read_only():
            db.session.rollback()
            due = telling.organizations_to_tell(utcnow())
            db.session.rollback()
        if due:
            queue.enqueue_once(self.connection, queue.SEND_ALERTS, timeout=telling.TIME_LIMIT)

    def _register_housekeeping(self) -> None:
        # rq-scheduler asks crontab in a way that it warns about; the times are in UTC either way.
        warnings.filterwarnings("ignore", "Version 0.22.0", FutureWarning)
        for entry_id, func, cron in HOUSEKEEPING:
            if self.connection.zscore(self.scheduled_jobs_key, entry_id) is None:
                self.cron(
                    cron, func=func, id=entry_id, queue_name=queue.QUEUE_NAME, timeout=HOUSEKEEPING_TIMEOUT
                )
