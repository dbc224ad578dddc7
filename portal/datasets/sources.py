"""Opening data sources, read-only by every means the driver has."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from portal.datasets.loaders import load_postgresql_exactly, load_sqlite_exactly
from portal.errors import InvalidInput, SourceUnavailable
from portal.tally import Tally

DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
CONNECT_TIMEOUT = 10
CLIENT_CHECK_MS = 5000
# Dates, intervals and floats in the one form that loses nothing, whatever the server's settings say.
_POSTGRESQL_FORMS = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1"
# One connection a run; what people filter by is nobody's to read in a log.
_OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}

_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
# Functions that read files or load code, where a build of SQLite has them.
_DENIED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


def parse_url(text: str) -> URL:
    """Return the URL with the driver we use. Raises InvalidInput for another database or driver."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except ArgumentError:
        raise InvalidInput("That is not a database URL such as sqlite:///file.db.", "url") from None
    if backend not in DRIVERS or url.drivername not in {backend, DRIVERS.get(backend)}:
        raise InvalidInput(f"Sources can be {', '.join(DRIVERS)}; not {url.drivername}.", "url")
    return url.set(drivername=DRIVERS[backend])


def checked_url(text: str, *, sources_dir: Path, portal_database: str) -> URL:
    """Return the URL of an organization's source.

    SQLite files must lie beneath `sources_dir` once links are resolved; the portal's own database is
    refused. Raises InvalidInput.
    """
    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").resolve()
        if not path.is_relative_to(sources_dir.resolve()):
            raise InvalidInput(
                "SQLite files must lie in the organization's part of PORTAL_SOURCES_DIR.", "url"
            )
        url = url.set(database=str(path))
    if _place(url) == _place(parse_url(portal_database)):
        raise InvalidInput("The portal's own database can't be a source.", "url")
    return url


def _place(url: URL) -> tuple[object, ...]:
    """Return where a database is, as far as its URL tells."""
    if url.get_backend_name() == "sqlite":
        return (Path(url.database or "").resolve(),)
    # libpq also takes both from the query: a unix socket's folder can't be written as a host
    host, port = url.query.get("host", url.host), url.query.get("port", url.port)
    return (host or "localhost", str(port or 5432), url.database)


@contextmanager
def connect(url: URL, *, timeout: float, tally: Tally | None = None) -> Iterator[Connection]:
    """Open a read-only connection whose statements end after `timeout` seconds; closed on the way out.

    What a driver has to replace is counted in `tally`. Raises SourceUnavailable when it can't be opened.
    """
    engine = _engine(url, timeout, Tally() if tally is None else tally)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        if error.statement is None:  # it failed on opening: no server, a wrong password, no database file
            raise SourceUnavailable(f"The data source did not answer: {clean_message(error, url)}") from None
        raise
    finally:
        engine.dispose()


def clean_message(error: DBAPIError, url: URL) -> str:
    """Return the driver's own first line without password, or any URL with one."""
    text = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if url.password:
        text = text.replace(str(url.password), "…")
    return re.sub(r"//[^/@\s]*@", "//…@", text)


def _engine(url: URL, timeout: float, tally: Tally) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(url, creator=lambda: _open_sqlite(url, tally), **_OPTIONS)
    elif backend == "postgresql":
        options = (
            f"-c default_transaction_read_only=on -c statement_timeout={int(timeout * 1000)}"
            f" {_POSTGRESQL_FORMS}"
        )
        engine = create_engine(
            url, connect_args={"connect_timeout": CONNECT_TIMEOUT, "options": options}, **_OPTIONS
        )
        event.listen(engine, "connect", _end_with_client)
        # first of all: SQLAlchemy reads the server's version as text
        event.listen(engine, "connect", lambda driver, _: load_postgresql_exactly(driver, tally), insert=True)
    else:
        engine = create_engine(
            url,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "read_timeout": int(timeout) or 1},
            **_OPTIONS,
        )
        event.listen(engine, "connect", _mysql_read_only)
    return engine


def _open_sqlite(url: URL, tally: Tally) -> sqlite3.Connection:
    path = Path(url.database or "")
    if not path.is_file():
        # sqlite would say "unable to open database file", which sends people looking at permissions
        raise sqlite3.OperationalError(f"there is no file {path.name}")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=CONNECT_TIMEOUT, check_same_thread=False)
    load_sqlite_exactly(connection, tally)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA query_only = ON")
        # JSON's table functions create their virtual tables on first use, which the authorizer would deny.
        connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    except sqlite3.Error:
        connection.close()
        raise
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    """Let a statement read and compute, and nothing else (https://www.sqlite.org/c3ref/set_authorizer.html)."""
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _DENIED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and first == "read_uncommitted" and second is None:
        return sqlite3.SQLITE_OK  # SQLAlchemy asks for the isolation level of a new connection
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _end_with_client(connection: psycopg.Connection[Any], _record: object) -> None:
    """Have the server end a query whose worker was killed, rather than go on until it has rows to send."""
    if connection.info.server_version < 140_000:
        return
    try:
        connection.execute(f"SET client_connection_check_interval = {CLIENT_CHECK_MS}")
        connection.commit()
    except psycopg.errors.InvalidParameterValue:  # a server on Windows has no way to tell
        connection.rollback()


def _mysql_read_only(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("SET SESSION TRANSACTION READ ONLY")
    cursor.close()
