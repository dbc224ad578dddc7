"""Opening data sources, read-only by every means the driver has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError

from portal.errors import SourceUnavailable
from portal.hosts import PUBLIC_ONLY, AllowedHosts
from portal.sources import mysql, postgresql, sqlite
from portal.sources.opening import CONNECT_TIMEOUT, Opening
from portal.tally import Tally


@dataclass(frozen=True, slots=True)
class Source:
    """A database to read: its URL (`url.checked_url`) and what hosts it may be on."""

    url: URL
    allowed: AllowedHosts = PUBLIC_ONLY

    @property
    def backend(self) -> str:
        """`sqlite`, `postgresql` or `mysql`."""
        return self.url.get_backend_name()


@contextmanager
def connect(source: Source, *, timeout: float, tally: Tally | None = None) -> Iterator[Connection]:
    """Open a read-only connection whose statements end after `timeout` seconds; ended on the way out.

    What a driver has to replace is counted in `tally`. Raises SourceUnavailable when it can't be opened, or
    not within CONNECT_TIMEOUT, SourceRefused for the portal's own database and for roles with too many
    rights, and InvalidInput where the host is none for sources.
    """
    opening = Opening(CONNECT_TIMEOUT)
    engine = _engine(source, timeout, Tally() if tally is None else tally, opening)
    try:
        with _opened(engine, opening, source) as connection:
            try:
                yield connection
            finally:
                connection.invalidate()  # nothing was written: no server is asked to roll back, or waited for
    finally:
        engine.dispose()


def check_statement(source: Source, sql: str) -> None:
    """Raise QueryFailed for what the server itself, whatever we set, would not refuse although it writes."""
    if source.backend == "mysql":
        mysql.check_statement(sql)


def clean_message(error: DBAPIError, url: URL) -> str:
    """Return the driver's own first line without password, or any URL with one."""
    words = str(_words_of(error.orig)).strip()
    text = words.splitlines()[0] if words else type(error.orig).__name__
    if url.password and len(str(url.password)) > 3:  # a shorter one is no secret, and found in any word
        text = text.replace(str(url.password), "…")
    return re.sub(r"//[^/@\s]*@", "//…@", text)


def _words_of(error: BaseException | None) -> object:
    """Return what a driver says; PyMySQL's errors are a number and a sentence."""
    match getattr(error, "args", ()):
        case (int(), str() as sentence):
            return sentence
    return error


def _engine(source: Source, timeout: float, tally: Tally, opening: Opening) -> Engine:
    if source.backend == "sqlite":
        return sqlite.engine(source.url, tally)
    if source.backend == "postgresql":
        return postgresql.engine(source.url, source.allowed, timeout, tally, opening)
    return mysql.engine(source.url, source.allowed, timeout, opening)


def _opened(engine: Engine, opening: Opening, source: Source) -> Connection:
    try:
        with opening.limited():
            return engine.connect()
    except DBAPIError as error:  # no server, a wrong password, no database file
        if opening.expired:
            why = f"within {opening.seconds:g} s."
            raise SourceUnavailable(f"The data source did not answer {why}") from None
        message = clean_message(error, source.url)
        raise SourceUnavailable(f"The data source did not answer: {message}") from None
