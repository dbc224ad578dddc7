"""The declarative base, column types, ids, and how transactions begin on SQLite and PostgreSQL."""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import (
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    String,
    event,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 10_000

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, always UTC in the database. A naive value is a mistake and refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_public_id() -> str:
    """Return 22 URL-safe characters, 128 bits: unguessable, and still no authorization."""
    return secrets.token_urlsafe(16)


class Identified:
    """Mixin: a compact key for joins and an unguessable one for URLs."""

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(22), unique=True, default=new_public_id)


def text_enum(kind: type[StrEnum]) -> Enum:
    """Store an enumeration by its value, as text with a CHECK: readable in SQL, extensible."""
    return Enum(
        kind,
        native_enum=False,
        length=24,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
        name=kind.__name__.lower(),
    )


def to_json(value: Any) -> str:
    """Serialize a JSON column the same way on every database."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def row_key(text: str) -> int:
    """Read the key of a row from an address. Raises ValueError for what no row can have: 32 bits hold it."""
    key = int(text)
    if not 0 < key < 2**31:
        raise ValueError(f"no row has the key {key}")
    return key


# SQLite takes the write lock when a transaction first writes, and a transaction that has read before then
# fails at once, whatever the timeout. Whoever may write therefore begins IMMEDIATE; only readers defer.
_deferred: ContextVar[bool] = ContextVar("deferred", default=False)


@contextmanager
def read_only() -> Iterator[None]:
    """Begin transactions DEFERRED inside: for work that never writes."""
    token = _deferred.set(True)
    try:
        yield
    finally:
        _deferred.reset(token)


def begin_deferred(value: bool) -> None:
    """Choose how the next transactions of this request begin (see `read_only`)."""
    _deferred.set(value)


def configure(engine: Engine, *, idle_limit: float) -> None:
    """Install the portal's pragmas and BEGIN on an engine of SQLite, and discretion on one of PostgreSQL.

    `idle_limit` is how many seconds a transaction may stand idle on PostgreSQL: a process that is frozen
    within one, or whose host is gone, would keep its rows locked, and so from being rescued, for ever.
    """
    if engine.dialect.name != "sqlite":
        event.listen(engine, "handle_error", _withhold_detail)
        event.listen(engine, "connect", partial(_on_postgresql_connect, int(idle_limit * 1000)))
        return
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)


def _on_postgresql_connect(idle_limit_ms: int, connection: psycopg.Connection[Any], _record: object) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = {idle_limit_ms}")
    connection.commit()


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would be DEFERRED
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED" if _deferred.get() else "BEGIN IMMEDIATE")


def _withhold_detail(context: ExceptionContext) -> None:
    """Take DETAIL out of an error: there PostgreSQL quotes the row it refused, password hash and all."""
    detail: str | None = getattr(getattr(context.original_exception, "diag", None), "message_detail", None)
    if not detail:
        return
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None:
            error.args = tuple(str(part).replace(detail, "withheld") for part in error.args)


def insert_into(target: Any, connection: Connection) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT into a table or model that can say ON CONFLICT, which SQLAlchemy has by dialect."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert: postgresql.Insert | sqlite.Insert = dialect.insert(target)
    return insert


def database_now(connection: Connection) -> datetime:
    """Return the database's own time, so that hosts with different clocks agree on leases."""
    if connection.dialect.name == "sqlite":
        text = connection.scalar(select(func.strftime("%Y-%m-%dT%H:%M:%f+00:00", "now")))
        return datetime.fromisoformat(str(text))
    now: datetime = connection.scalars(select(literal_column("clock_timestamp()"))).one()
    return now.astimezone(UTC)
