"""Whether the parts the portal needs are there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.config import Settings
from portal.errors import PortalError
from portal.extensions import db
from portal.queue import HEARTBEAT_KEY, connect_briefly, run_queue
from portal.storage.base import Storage

log = logging.getLogger(__name__)

SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Engine:
    """What Redis tells of the scheduler and the workers; `answers` is false when it tells nothing."""

    answers: bool
    heartbeat: datetime | None = None
    workers: int = 0
    waiting: int = 0

    def scheduler_runs(self, now: datetime) -> bool:
        """Say whether the scheduler was heard of lately."""
        return self.heartbeat is not None and now - self.heartbeat < SILENT_AFTER

    def is_well(self, now: datetime) -> bool:
        """Say whether due runs will be started and worked on."""
        return self.answers and self.scheduler_runs(now) and self.workers > 0


def engine(settings: Settings) -> Engine:
    """Ask Redis once, briefly: a page must come without it."""
    if not settings.redis_url:
        return Engine(answers=False)
    try:
        with connect_briefly(settings) as connection:
            beat = connection.get(HEARTBEAT_KEY)
            return Engine(
                answers=True,
                heartbeat=datetime.fromisoformat(beat.decode()) if isinstance(beat, bytes) else None,
                workers=Worker.count(connection=connection),
                waiting=run_queue(connection).count,
            )
    except RedisError as error:
        log.warning("redis does not answer (%s)", type(error).__name__)
        return Engine(answers=False)


def readiness(settings: Settings, storage: Storage) -> dict[str, bool]:
    """Check what serving needs, each by using it: the database, Redis, and room for files."""
    return {
        "database": _works(_read_database),
        "redis": _works(lambda: _ping(settings)),
        "storage": _works(lambda: _write(storage)),
    }


def _works(check: Callable[[], None]) -> bool:
    try:
        check()
    except (SQLAlchemyError, RedisError, PortalError, OSError) as error:
        log.warning("not ready: %s", type(error).__name__)
        return False
    return True


def _read_database() -> None:
    db.session.execute(text("SELECT 1"))


def _ping(settings: Settings) -> None:
    if not settings.redis_url:
        raise ConnectionError("no address of Redis is set")
    with connect_briefly(settings) as connection:
        connection.ping()


def _write(storage: Storage) -> None:
    with storage.work_file() as path:
        path.write_bytes(b"ready?")
