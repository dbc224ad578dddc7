"""A client-side limit on the time spent waiting for a database, whatever the server promised."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from portal.datasets.source_opening import interrupt_of


class Watchdog:
    """Interrupts the connection's statement once its waits add up to `limit` seconds.

    Time between reads, spent on writing the file, does not count.
    """

    def __init__(self, connection: Connection, limit: float) -> None:
        self.limit = limit
        self.expired = False
        self._remaining = limit
        self._stop = interrupt_of(connection)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block."""
        timer = threading.Timer(max(self._remaining, 0.001), self._interrupt)
        timer.daemon = True
        started = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._remaining -= time.monotonic() - started

    def _interrupt(self) -> None:
        self.expired = True
        self._stop()
