"""What opening a source has in common, whatever the driver."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from portal.errors import SourceRefused

CONNECT_TIMEOUT = 10
"""Seconds that opening a source may take in all: connecting, signing in, and our first statements."""

# One connection a run; what people filter by is nobody's to read in a log.
ENGINE_OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}

PORTAL_TABLES = ("scheduled_export_runs", "dataset_versions", "audit_entries")
"""Tables that only a portal has all of."""

READ_ONLY = "A data source is read-only: the SQL may be a SELECT that reads tables, nothing else."

_STOPS = "stops"
_NEARLY = 0.95


class Opening:
    """The time that opening a source may take, after which its connection is ended, whoever waits for it.

    Drivers limit single waits, if those: a server that says a little now and then, or nothing after it let
    us in, would keep us for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._connected: list[socket.socket] = []

    @property
    def expired(self) -> bool:
        """Whether the time is over, or so nearly that the driver's own limit came first: it is the same."""
        return time.monotonic() - self._begun >= _NEARLY * self.seconds

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Let the block, in which a source is opened, take no longer."""
        self._begun = time.monotonic()
        timer = threading.Timer(self.seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                for connected in self._connected:
                    connected.close()
                self._connected.clear()

    def connected(self, descriptor: int) -> None:
        """Learn of a connection, by its socket's descriptor, as soon as there is one."""
        # A descriptor of our own: the driver may close its one meanwhile, and its number be given to others.
        with self._lock:
            self._connected.append(socket.socket(fileno=os.dup(descriptor)))

    def _expire(self) -> None:
        with self._lock:
            for connected in self._connected:
                with suppress(OSError):  # the other side has ended it
                    connected.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Stops:
    """How a connection's statement is ended, from any thread.

    `interrupt` asks the server; `hang_up`, where there is a server, waits for nobody: it ends the connection.
    """

    interrupt: Callable[[], None]
    hang_up: Callable[[], None] = lambda: None


def can_stop(record: ConnectionPoolEntry, stops: Stops) -> None:
    """Keep how the statements of a new connection are ended."""
    record.info[_STOPS] = stops


def stops_of(connection: Connection) -> Stops:
    """Return how the statement at work on a connection of ours is ended."""
    stops: Stops = connection.info[_STOPS]
    return stops


def hang_up(descriptor: int) -> None:
    """End both directions of a connection, so that whoever waits for it is told."""
    with socket.socket(fileno=os.dup(descriptor)) as other:
        other.shutdown(socket.SHUT_RDWR)


def refuse_portal(tables: Sequence[str]) -> None:
    """Raise SourceRefused where a database has the tables of a portal, which hold other people's secrets."""
    if set(PORTAL_TABLES) <= set(tables):
        raise SourceRefused("The database of a portal can't be a source.")


def too_many_rights(user: str, what: str) -> SourceRefused:
    """Return the error for a user of the source who could do more than read tables."""
    return SourceRefused(f"The user “{user}” {what}. Give the portal one that may only read what it exports.")
