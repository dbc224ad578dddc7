"""SQLite files as sources: opened read-only, every statement asked for leave."""

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from portal.sources.loaders import load_sqlite_exactly
from portal.sources.opening import (
    CONNECT_TIMEOUT,
    ENGINE_OPTIONS,
    PORTAL_TABLES,
    Stops,
    can_stop,
    refuse_portal,
)
from portal.tally import Tally

LONGEST_VALUE = 16 * 2**20
"""Bytes of a text or blob: `printf('%.*c', 1000000000, 'x')` would take all memory otherwise."""

_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
# Functions that read files or load code, where a build of SQLite has them.
_DENIED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


def engine(url: URL, tally: Tally) -> Engine:
    """Return an engine whose connections may read this file and nothing else."""
    made = create_engine(url, creator=lambda: _opened(url, tally), **ENGINE_OPTIONS)
    event.listen(made, "connect", lambda driver, record: can_stop(record, Stops(driver.interrupt)))
    return made


def _opened(url: URL, tally: Tally) -> sqlite3.Connection:
    path = Path(url.database or "")
    if not path.is_file():
        # sqlite would say "unable to open database file", which sends people looking at permissions
        raise sqlite3.OperationalError(f"there is no file {path.name}")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=CONNECT_TIMEOUT, check_same_thread=False)
    try:
        _confine(connection, tally)
    except BaseException:
        connection.close()
        raise
    return connection


def _confine(connection: sqlite3.Connection, tally: Tally) -> None:
    load_sqlite_exactly(connection, tally)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.execute("PRAGMA query_only = ON")
    # JSON's table functions create their virtual tables on first use, which the authorizer would deny.
    connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    marks = ", ".join("?" * len(PORTAL_TABLES))
    query = f"SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ({marks})"  # noqa: S608 - marks
    refuse_portal([name for (name,) in connection.execute(query, PORTAL_TABLES)])
    connection.set_authorizer(_authorize)


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Let a statement read and compute, and nothing else (https://www.sqlite.org/c3ref/set_authorizer.html)."""
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _DENIED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and first == "read_uncommitted" and second is None:
        return sqlite3.SQLITE_OK  # SQLAlchemy asks for the isolation level of a new connection
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY
