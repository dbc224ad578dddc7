"""PostgreSQL servers as sources: read-only transactions of a role that can only read tables."""

import os
from functools import partial
from typing import Any

import psycopg
from psycopg.client_cursor import ClientCursorMixin
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from portal.errors import InvalidInput
from portal.hosts import SETTING, AllowedHosts, addresses_of
from portal.sources.loaders import load_postgresql_exactly
from portal.sources.opening import (
    ENGINE_OPTIONS,
    PORTAL_TABLES,
    Opening,
    Stops,
    can_stop,
    hang_up,
    refuse_portal,
    too_many_rights,
)
from portal.sources.url import host_and_port
from portal.tally import Tally

CLIENT_CHECK_MS = 5000
MOST_ADDRESSES = 5
"""How many addresses of one name are tried: each gets its part of the time, and libpq takes 2 s at least."""

# Dates, intervals and floats in the one form that loses nothing, whatever the server's settings say.
_FORMS = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1"
# Roles that reach beyond tables: the server's files, its programs, other people's sessions.
_DANGEROUS = [
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_signal_backend",
    "pg_write_server_files",
]
# All names qualified: a role may have put functions of its own in front.
_RIGHTS = """
SELECT session_user,
  EXISTS (SELECT FROM pg_catalog.pg_roles
    WHERE rolsuper AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER')),
  ARRAY(SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles
    WHERE rolname::pg_catalog.text OPERATOR(pg_catalog.=) ANY (%s)
      AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER')),
  ARRAY(SELECT DISTINCT relname::pg_catalog.text FROM pg_catalog.pg_class
    WHERE relkind IN ('r', 'p') AND relname::pg_catalog.text OPERATOR(pg_catalog.=) ANY (%s))
"""


class _Cursor(ClientCursorMixin[Any], psycopg.ServerCursor[Any]):
    """A cursor of the server's whose values psycopg writes as literals, escaped.

    DECLARE refuses `$1 IS NULL OR opened_at >= $1`: it can't tell the type of a parameter from its later use.
    The extended protocol, which takes one statement only, is kept.
    """


def engine(url: URL, allowed: AllowedHosts, timeout: float, tally: Tally, opening: Opening) -> Engine:
    """Return an engine of this source; see `connection.connect` for what it raises."""
    options = f"-c default_transaction_read_only=on -c statement_timeout={int(timeout * 1000)} {_FORMS}"
    server = _server(url, allowed)
    arguments = {
        **server,
        "connect_timeout": int(opening.seconds / len(server["hostaddr"].split(","))),  # libpq's is for each
        "options": options,
        # Nothing of this machine's own user: libpq would look for passwords, certificates and tickets.
        "passfile": os.devnull,
        "sslcertmode": "disable",
        "gssencmode": "disable",
    }
    if url.query.get("sslmode") == "verify-full":
        arguments["sslrootcert"] = "system"
    bare = url.difference_update_query(["host", "port"])  # `_server` says them
    made = create_engine(bare, connect_args=arguments, **ENGINE_OPTIONS)
    event.listen(made, "connect", _prepare)
    # first of all: SQLAlchemy reads the server's version as text
    event.listen(made, "connect", lambda driver, _: load_postgresql_exactly(driver, tally), insert=True)
    event.listen(made, "connect", lambda driver, _: opening.connected(driver.fileno()), insert=True)
    return made


def _server(url: URL, allowed: AllowedHosts) -> dict[str, str]:
    """Return where to connect, for libpq: the name, by which certificates are verified, and its addresses."""
    host, port = host_and_port(url)
    if host.startswith("/"):
        if not allowed.has_folder(host):
            raise InvalidInput(
                f"A socket in {host} is no source unless the operator opens it: {SETTING}.", "host"
            )
        return {"host": host, "hostaddr": "", "port": str(port)}  # empty: not what PGHOSTADDR says
    addresses = addresses_of(host, port, allowed)[:MOST_ADDRESSES]
    return {
        "host": ",".join([host] * len(addresses)),
        "hostaddr": ",".join(addresses),
        "port": str(port),
    }


def _prepare(driver: psycopg.Connection[Any], record: ConnectionPoolEntry) -> None:
    can_stop(record, Stops(driver.cancel, partial(hang_up, driver.fileno())))
    driver.server_cursor_factory = _Cursor
    _check_rights(driver)
    if driver.info.server_version >= 140_000:
        _end_with_client(driver)


def _check_rights(driver: psycopg.Connection[Any]) -> None:
    user, superuser, dangerous, tables = driver.execute(_RIGHTS, (_DANGEROUS, list(PORTAL_TABLES))).fetchone()  # type: ignore[misc]
    driver.rollback()
    refuse_portal(tables)
    if superuser or dangerous:
        raise too_many_rights(
            user, "is a superuser, or can become one" if superuser else f"has the role {dangerous[0]}"
        )


def _end_with_client(driver: psycopg.Connection[Any]) -> None:
    """Have the server end a query whose worker was killed, rather than go on until it has rows to send."""
    try:
        driver.execute(f"SET client_connection_check_interval = {CLIENT_CHECK_MS}")
        driver.commit()
    except psycopg.errors.InvalidParameterValue:  # a server on Windows has no way to tell
        driver.rollback()
