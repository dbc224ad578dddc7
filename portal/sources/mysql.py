"""MySQL and MariaDB servers as sources: read-only transactions, statements that can only read."""

import re
import socket
import ssl
import struct
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import SSCursor
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from portal.errors import QueryFailed
from portal.hosts import AllowedHosts, addresses_of
from portal.sources.opening import (
    CONNECT_TIMEOUT,
    ENGINE_OPTIONS,
    PORTAL_TABLES,
    READ_ONLY,
    Opening,
    Stops,
    can_stop,
    hang_up,
    refuse_portal,
    too_many_rights,
)
from portal.sources.url import host_and_port

# What may stand in front of the first word. Comments that begin with `/*!` or `/*M!` are run.
_BEFORE = re.compile(r"(?:\s|\(|--[ \t][^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*(?!M?!).*?\*/)*", re.DOTALL)
_READS = frozenset({"select", "with", "values", "table"})
# Rights to the server's files, or over the server, of the user alone: roles are dropped before.
_RIGHTS = """
SELECT CURRENT_USER(), privilege_type FROM information_schema.user_privileges
WHERE privilege_type IN ('FILE', 'SUPER')
  AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
"""
LONGEST_GROUP = 16 * 2**20  # bytes, as SQLite's values may have
_EXECUTED_COMMENT = re.compile(r"/\*M?!")


def engine(url: URL, allowed: AllowedHosts, timeout: float, opening: Opening) -> Engine:
    """Return an engine of this source; see `connection.connect` for what it raises."""
    server = _Server(url, addresses_of(*host_and_port(url), allowed), timeout)

    def prepare(driver: "pymysql.Connection[Any]", record: ConnectionPoolEntry) -> None:
        thread = int(driver.thread_id())  # type: ignore[no-untyped-call]
        connected: socket.socket = driver._sock  # type: ignore[attr-defined]
        stops = Stops(lambda: server.end_query(thread), partial(hang_up, connected.fileno()))
        can_stop(record, stops)
        _prepare(driver, timeout)

    made = create_engine(url, creator=partial(server.connect, opening), **ENGINE_OPTIONS)
    event.listen(made, "connect", prepare)
    return made


class _Cursor(SSCursor):
    """Ends the connection where somebody gave up half way: PyMySQL would first read the rest of the result.

    MySQL sends all of it once a query runs, and takes no request meanwhile.
    """

    _result: Any

    def close(self) -> None:
        if self.connection is not None and self._result is not None and self._result.unbuffered_active:
            self._result.unbuffered_active = False
            self.connection.close()
        super().close()

    __del__ = close


class _Connection(pymysql.Connection):
    def cursor(self, cursor: Any = None) -> Any:
        return super().cursor(_Cursor if cursor is SSCursor else cursor)

    def close(self) -> None:
        """End the connection, if it is not ended yet."""
        if self.open:
            super().close()


@dataclass(frozen=True, slots=True)
class _Server:
    """Where to connect, and as whom. `timeout` is how many seconds a read may wait."""

    url: URL
    addresses: tuple[str, ...]
    timeout: float

    def connect(self, opening: Opening) -> "pymysql.Connection[Any]":
        """Return a new connection. Raises PyMySQL's OperationalError."""
        connection = self._described()
        try:
            connection.connect(self._socket(opening))
        except struct.error:
            raise pymysql.OperationalError(
                CR.CR_MALFORMED_PACKET, "what answers is no MySQL server"
            ) from None
        return connection

    def end_query(self, thread: int) -> None:
        """End a statement from outside: PyMySQL's connection waits for it, and can't be used meanwhile."""
        # A server that takes no second connection is left to the first one's limit on reads.
        opening = Opening(CONNECT_TIMEOUT)
        with suppress(pymysql.Error), opening.limited(), closing(self.connect(opening)) as another:
            another.query(f"KILL QUERY {thread:d}")

    def _socket(self, opening: Opening) -> socket.socket:
        """Connect to the first address that answers, each having its part of the time."""
        failure = OSError("it has no address")
        wait = opening.seconds / max(1, len(self.addresses))
        for address in self.addresses:
            try:
                found = socket.create_connection((address, host_and_port(self.url)[1]), wait)
            except OSError as error:
                failure = error
            else:
                opening.connected(found.fileno())
                return found
        raise pymysql.OperationalError(
            CR.CR_CONN_HOST_ERROR, f"can't connect ({failure.strerror or failure})"
        )

    def _described(self) -> "_Connection":
        """Return a connection that is not connected yet."""
        mode = str(self.url.query.get("sslmode", "prefer"))
        encrypted = mode in ("require", "verify-full")
        return _Connection(
            host=self.url.host,  # by which certificates are verified
            user=self.url.username,
            password=(self.url.password or "").encode(),
            database=self.url.database,
            charset="utf8mb4",
            # The server ends a statement at its time; a read waits longer only for one that does not answer.
            read_timeout=int(self.timeout) + CONNECT_TIMEOUT,
            write_timeout=CONNECT_TIMEOUT,
            ssl=_context(verified=mode == "verify-full") if encrypted else None,
            ssl_disabled=mode == "disable",
            defer_connect=True,
        )


def check_statement(sql: str) -> None:
    """Raise QueryFailed for a statement that does not begin as one that reads.

    A read-only transaction stops writing to tables, but not statements such as KILL, SET GLOBAL or FLUSH.
    """
    start = _BEFORE.match(sql)
    first = re.match(r"\w*", sql[start.end() :] if start else sql)
    if first is None or first[0].lower() not in _READS or _EXECUTED_COMMENT.search(sql):
        raise QueryFailed(READ_ONLY)


def _context(*, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _prepare(driver: "pymysql.Connection[Any]", timeout: float) -> None:
    with driver.cursor() as cursor:
        marks = ", ".join(["%s"] * len(PORTAL_TABLES))
        tables = f"SELECT table_name FROM information_schema.tables WHERE table_name IN ({marks})"  # noqa: S608 - marks
        cursor.execute(tables, PORTAL_TABLES)
        refuse_portal([str(name) for (name,) in cursor.fetchall()])
        _drop_roles(cursor)
        cursor.execute(_RIGHTS)
        if found := cursor.fetchone():
            raise too_many_rights(found[0], f"has the privilege {found[1]}")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        # Backslashes escape, for the server as for us and PyMySQL, who look for the ends of strings.
        cursor.execute("SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')")
        # Lists are cut without an error beyond it, at 1,024 bytes by MySQL's default.
        cursor.execute(f"SET SESSION group_concat_max_len = {LONGEST_GROUP}")
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone() or ("",)
        # MariaDB counts in seconds (https://mariadb.com/kb/en/aborting-statements/), MySQL in milliseconds.
        mariadb = "MariaDB" in version
        variable, limit = (
            ("max_statement_time", timeout) if mariadb else ("max_execution_time", timeout * 1000)
        )
        cursor.execute(f"SET SESSION {variable} = {limit:.0f}")
    driver.commit()


def _drop_roles(cursor: Any) -> None:
    """Leave a user what was granted to itself: what a role may do is not looked into."""
    try:
        cursor.execute("SET ROLE NONE")
    except pymysql.ProgrammingError as error:  # MySQL 5.7 has no roles
        if error.args[0] != ER.PARSE_ERROR:
            raise
