"""Handing a run made or queued by hand to the workers, once its row is committed."""

import logging
from contextlib import closing

from redis.exceptions import RedisError

from portal import queue
from portal.config import Settings

log = logging.getLogger(__name__)


def hand_over(run_id: str, attempt: int, settings: Settings) -> bool:
    """Enqueue a committed run. False while Redis is away: the sweep enqueues it within two minutes."""
    try:
        with closing(queue.connect(settings)) as connection:
            queue.enqueue_runs(connection, [(run_id, attempt)], timeout=settings.run_timeout)
    except RedisError as error:
        log.warning("run %s waits for the sweep: %s", run_id, type(error).__name__)
        return False
    return True


def in_words(handed_over: bool) -> str:
    """Say what happens next, for the person who asked for it."""
    if handed_over:
        return "A worker takes it as soon as one is free."
    return (
        "The queue can't be reached right now; the run is kept and starts within two minutes of its return."
    )
