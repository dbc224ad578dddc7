"""What opening a source has in common, whatever the driver."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from portal.errors import SourceRefused

CONNECT_TIMEOUT = 10  # seconds

# One connection a run; what people filter by is nobody's to read in a log.
ENGINE_OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}

PORTAL_TABLES = ("scheduled_export_runs", "dataset_versions", "audit_entries")
"""Tables that only a portal has all of."""

_INTERRUPT = "interrupt"


def can_interrupt(record: ConnectionPoolEntry, interrupt: Callable[[], None]) -> None:
    """Keep what ends a connection's statement, called from any thread."""
    record.info[_INTERRUPT] = interrupt


def interrupt_of(connection: Connection) -> Callable[[], None]:
    """Return what ends the statement at work on a connection of ours."""
    interrupt: Callable[[], None] = connection.info[_INTERRUPT]
    return interrupt


def refuse_portal(tables: Sequence[str]) -> None:
    """Raise SourceRefused where a database has the tables of a portal, which hold other people's secrets."""
    if set(PORTAL_TABLES) <= set(tables):
        raise SourceRefused("The database of a portal can't be a source.")


def too_many_rights(user: str, what: str) -> SourceRefused:
    """Return the error for a user of the source who could do more than read tables."""
    return SourceRefused(f"The user “{user}” {what}. Give the portal one that may only read what it exports.")
