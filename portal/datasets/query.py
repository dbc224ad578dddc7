"""Running a dataset's SQL and yielding typed rows in batches. Nothing is ever formatted into SQL."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import BindParameter, bindparam, text
from sqlalchemy.engine import URL, Connection, CursorResult
from sqlalchemy.exc import DBAPIError, ResourceClosedError, StatementError

from portal.datasets import sources
from portal.datasets.values import Converter, converters_for, infer_columns
from portal.datasets.watchdog import Watchdog
from portal.errors import LimitExceeded, QueryFailed, QueryTimeout
from portal.table import Batch, Batches, Column, Row

BATCH_ROWS = 1000
_NAMED = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")  # what `sqlalchemy.text` takes for a parameter
_DENIED = frozenset({"not authorized", "authorization denied"})  # SQLite, of what the authorizer denied


@dataclass(frozen=True)
class Rows:
    """An open result: its columns, and its rows, to be read once while the source stays open."""

    columns: tuple[Column, ...]
    batches: Batches


@contextmanager
def open_rows(
    url: URL,
    sql: str,
    parameters: Mapping[str, Any],
    *,
    columns: Sequence[Column] | None = None,
    timeout: float,
    maximum_rows: int | None = None,
) -> Iterator[Rows]:
    """Run `sql` on a source and yield its rows while the block lasts.

    `columns` are the wanted ones, in order; None takes all, with types found from the first rows. Lists
    among `parameters` bind as expanding parameters. `timeout` bounds the seconds spent waiting for the
    database. Raises SourceUnavailable, QueryFailed, QueryTimeout, and, while rows are read, also
    LimitExceeded past `maximum_rows`.
    """
    with sources.connect(url, timeout=timeout) as connection:
        watchdog = Watchdog(connection, timeout)
        with _explained(url, watchdog):
            result = _execute(connection, watchdog, sql, parameters)
            names = list(result.keys())
        with closing(result):  # also where its reader gave up half way
            batches = _read(result, url, watchdog, maximum_rows)
            if columns is None:
                first = next(batches, None)
                found = infer_columns(names, first or ())
                yield Rows(found, batches if first is None else chain([first], batches))
            else:
                yield Rows(tuple(columns), _chosen(batches, names, columns, url))


def _execute(
    connection: Connection, watchdog: Watchdog, sql: str, parameters: Mapping[str, Any]
) -> CursorResult[Any]:
    statement = text(_other_colons_escaped(sql, parameters))
    # Naming a parameter that the SQL lacks is an error, so only those it has are passed.
    # SQLAlchemy's form of an empty list has a type, which PostgreSQL then compares; IN (NULL) has none.
    wanted = {
        name: [None] if parameters[name] == [] else parameters[name] for name in statement.compile().params
    }
    lists: list[BindParameter[Any]] = [
        bindparam(name, expanding=True) for name, value in wanted.items() if isinstance(value, list)
    ]
    with watchdog.waiting():
        return connection.execution_options(stream_results=True).execute(statement.bindparams(*lists), wanted)


def _other_colons_escaped(sql: str, parameters: Mapping[str, Any]) -> str:
    """Leave a colon that begins no parameter of ours as it is: `'{"a":1}'` is text."""
    return _NAMED.sub(lambda match: match[0] if match[1] in parameters else f"\\{match[0]}", sql)


def _read(
    result: CursorResult[Any], url: URL, watchdog: Watchdog, maximum_rows: int | None
) -> Iterator[Batch]:
    # `yield_per` among the execution options is ignored for text(); on the result it holds.
    partitions = result.yield_per(BATCH_ROWS).partitions()
    total = 0
    while True:
        with _explained(url, watchdog), watchdog.waiting():
            batch: Sequence[Row] | None = next(partitions, None)
        if batch is None:
            return
        total += len(batch)
        if maximum_rows is not None and total > maximum_rows:
            raise LimitExceeded(f"The query returned more than the limit of {maximum_rows:,} rows.")
        yield batch


def _chosen(batches: Iterator[Batch], names: list[str], columns: Sequence[Column], url: URL) -> Batches:
    """Pick the wanted columns of each row, in order, converted to the declared types."""
    missing = [column.key for column in columns if column.key not in names]
    if missing:
        raise QueryFailed(f"The query has no column “{missing[0]}” any more; it gives {', '.join(names)}.")
    positions = [names.index(column.key) for column in columns]
    converters = converters_for(columns, sqlite=url.get_backend_name() == "sqlite")
    return (_convert(batch, positions, converters) for batch in batches)


def _convert(batch: Batch, positions: list[int], converters: list[Converter | None]) -> Batch:
    by_column = list(zip(*batch, strict=True))
    picked = (
        by_column[position] if convert is None else [convert(value) for value in by_column[position]]
        for position, convert in zip(positions, converters, strict=True)
    )
    return list(zip(*picked, strict=True))


@contextmanager
def _explained(url: URL, watchdog: Watchdog) -> Iterator[None]:
    """Turn what the driver raises into a sentence of ours, without secrets."""
    try:
        yield
    except ResourceClosedError:
        raise QueryFailed("The SQL returns no rows; a dataset needs a SELECT.") from None
    except DBAPIError as error:
        if watchdog.expired or "statement timeout" in str(error.orig):
            raise QueryTimeout(f"The query ran past its limit of {watchdog.limit:g} s.") from None
        message = sources.clean_message(error, url)
        if message in _DENIED:
            message = "A data source is read-only: the SQL may be a SELECT that reads tables, nothing else."
        raise QueryFailed(message) from None
    except StatementError as error:  # a value can't be bound
        raise QueryFailed(str(error.orig or error).splitlines()[0]) from None
    except OverflowError:
        raise QueryFailed("A number among the filters is too large for the database.") from None
