"""Handing a run made or queued by hand to the workers, once its row is committed."""

import logging
from collections.abc import Sequence
from contextlib import closing

from redis.exceptions import RedisError

from portal import queue
from portal.config import Settings

log = logging.getLogger(__name__)


def hand_over(runs: Sequence[tuple[str, int]], settings: Settings) -> bool:
    """Enqueue committed runs, each a public id and its attempt.

    False while Redis is away: the sweep enqueues them within two minutes of its return.
    """
    if not runs:
        return True
    try:
        with closing(queue.connect_briefly(settings)) as connection:
            queue.enqueue_runs(connection, runs, timeout=settings.job_timeout)
    except RedisError as error:
        log.warning("%d runs wait for the sweep: %s", len(runs), type(error).__name__)
        return False
    return True


def in_words(handed_over: bool) -> str:
    """Say what happens next, for the person who asked for it."""
    if handed_over:
        return "A worker takes it as soon as one is free."
    return (
        "The queue can't be reached right now; the run is kept and starts within two minutes of its return."
    )
