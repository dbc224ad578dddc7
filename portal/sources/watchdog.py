"""A client-side limit on the time spent waiting for a database, whatever the server promised."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from portal.sources.opening import stops_of

GRACE = 5.0
"""Seconds after which a connection is ended whose server does not answer when told to stop."""


class Watchdog:
    """Interrupts the connection's statement once its waits add up to `limit` seconds.

    Time between reads, spent on writing the file, does not count.
    """

    def __init__(self, connection: Connection, limit: float) -> None:
        self.limit = limit
        self.expired = False
        self._remaining = limit
        self._stops = stops_of(connection)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block."""
        left = max(self._remaining, 0.001)
        timers = [_timer(left, self._interrupt), _timer(left + GRACE, self._stops.hang_up)]
        started = time.monotonic()
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
            self._remaining -= time.monotonic() - started

    def _interrupt(self) -> None:
        self.expired = True
        self._stops.interrupt()


def _timer(seconds: float, call: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer
