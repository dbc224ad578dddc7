"""What opening a source has in common, whatever the driver."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from portal.errors import SourceRefused

CONNECT_TIMEOUT = 10  # seconds

# One connection a run; what people filter by is nobody's to read in a log.
ENGINE_OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}

PORTAL_TABLES = ("scheduled_export_runs", "dataset_versions", "audit_entries")
"""Tables that only a portal has all of."""

READ_ONLY = "A data source is read-only: the SQL may be a SELECT that reads tables, nothing else."

_STOPS = "stops"


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
