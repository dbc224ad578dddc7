"""Running a dataset's SQL and yielding typed rows in batches. Nothing is ever formatted into SQL."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from sys import getsizeof
from typing import Any

from pymysql.constants import FIELD_TYPE
from sqlalchemy import BindParameter, bindparam, text
from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.exc import DBAPIError, ResourceClosedError, StatementError

from portal.datasets.sql_text import bindable, place_of, without_end
from portal.datasets.values import Converter, converters_for, infer_columns
from portal.errors import LimitExceeded, QueryFailed, QueryTimeout
from portal.sources.connection import Source, check_statement, clean_message, connect
from portal.sources.opening import READ_ONLY
from portal.sources.watchdog import Watchdog
from portal.table import Batch, Batches, Column
from portal.tally import Tally

BATCH_ROWS = 1000
BATCH_BYTES = 8 * 2**20
"""What a batch may hold, by the size of some of the rows before: wide rows come fewer at a time."""

COUNT_TIMEOUT = 5.0  # seconds; beyond it a count is no longer cheap
_JSON_OIDS = frozenset({114, 3802})  # json and jsonb of PostgreSQL, whatever the version
_TEXTS = {
    "postgresql": frozenset({25, 1043}),  # text and varchar
    "mysql": frozenset({FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR})
    | {FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB},
}
# What PostgreSQL, MariaDB and MySQL say of a statement that they ended at its time.
_TIMED_OUT = ("statement timeout", "max_statement_time exceeded", "maximum statement execution time exceeded")
_DENIED = frozenset({"not authorized", "authorization denied"})  # SQLite, of what the authorizer denied


@dataclass(frozen=True)
class Rows:
    """An open result: its columns, and its rows, to be read once while the source stays open.

    `batches` are lists of plain tuples, up to `BATCH_ROWS` or about `BATCH_BYTES` each. `tally` counts what
    had to be replaced; it is complete once all rows are read.
    """

    columns: tuple[Column, ...]
    batches: Batches
    tally: Tally = field(default_factory=Tally)


@contextmanager
def open_rows(
    source: Source,
    sql: str,
    parameters: Mapping[str, Any],
    *,
    columns: Sequence[Column] | None = None,
    timeout: float,
    maximum_rows: int | None = None,
    limit_note: str = "",
    look_at: Callable[[Sequence[str]], None] = lambda _names: None,
) -> Iterator[Rows]:
    """Run `sql` on a source and yield its rows while the block lasts.

    `columns` are the wanted ones, in order; None takes all, with types found from the first rows. Lists
    among `parameters` bind as expanding parameters. `timeout` bounds the seconds spent waiting for the
    database. Raises SourceUnavailable, QueryFailed, QueryTimeout, and, while rows are read, also
    LimitExceeded past `maximum_rows`, to whose sentence `limit_note`, another sentence, is added. `look_at`
    is given the names of all columns that the query has, before any is missed or read; what it raises passes.
    """
    tally = Tally()
    check_statement(source, sql)
    with connect(source, timeout=timeout, tally=tally) as connection:
        watchdog = Watchdog(connection, timeout)
        with _explained(source, watchdog, sql):
            result = _execute(connection, watchdog, sql, parameters)
            names = list(result.keys())
        with closing(result):  # also where its reader gave up half way
            look_at(names)
            batches = _limited(_read(result, source, watchdog), maximum_rows, limit_note)
            if columns is None:
                json = _json_positions(result)
                first = next(batches, None)
                found = infer_columns(names, first or (), json=json)
                yield Rows(found, batches if first is None else chain([first], batches), tally)
            else:
                chosen = _chosen(batches, names, columns, source, _text_positions(result, source.backend))
                yield Rows(tuple(columns), chosen, tally)


def count_rows(
    source: Source, sql: str, parameters: Mapping[str, Any], *, at_most: int, timeout: float = COUNT_TIMEOUT
) -> int | None:
    """Return how many rows `sql` would give; `at_most + 1` stands for any more.

    Returns None where the source does not say so within `timeout` seconds, or has an objection: then the
    query itself shall meet it. Raises SourceUnavailable.
    """
    # The query stands on lines of its own, lest a comment at its end swallow the parenthesis.
    query = without_end(sql, source.backend)
    counting = f"SELECT count(*) FROM (SELECT 1 FROM (\n{query}\n) AS q LIMIT {at_most + 1:d}) AS n"  # noqa: S608 - no value of anybody's is in it
    try:
        with open_rows(source, counting, parameters, timeout=timeout) as rows:
            return next((int(row[0]) for batch in rows.batches for row in batch), None)
    except (QueryFailed, QueryTimeout):
        return None


def _execute(
    connection: Connection, watchdog: Watchdog, sql: str, parameters: Mapping[str, Any]
) -> CursorResult[Any]:
    statement = text(bindable(sql, parameters, connection.dialect.name))
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


def _json_positions(result: CursorResult[Any]) -> frozenset[int]:
    """Return the positions of the columns that the source itself calls JSON."""
    return _positions(result, _JSON_OIDS)


def _text_positions(result: CursorResult[Any], backend: str) -> frozenset[int]:
    """Return the positions of the columns that the source itself calls text; SQLite calls none so."""
    return _positions(result, _TEXTS.get(backend, ()))


def _positions(result: CursorResult[Any], kinds: Collection[int]) -> frozenset[int]:
    described = (result.cursor and result.cursor.description) or ()
    return frozenset(position for position, about in enumerate(described) if about[1] in kinds)


def _read(result: CursorResult[Any], source: Source, watchdog: Watchdog) -> Iterator[Batch]:
    # `yield_per` among the execution options is ignored for text(); on the result it holds.
    result.yield_per(BATCH_ROWS)

    def fetched(count: int) -> list[tuple[Any, ...]]:
        with _explained(source, watchdog), watchdog.waiting():
            return list(map(tuple, result.fetchmany(count)))

    batch = fetched(1)
    while (room := min(3 * len(batch), _rows_that_fit(batch) - len(batch))) > 0:
        more = fetched(room)  # fourfold at most: those to come may be wider
        batch += more
        if len(more) < room:
            break
    while batch:
        yield batch
        batch = fetched(_rows_that_fit(batch))


def _rows_that_fit(batch: Batch) -> int:
    """Return how many rows like some of these a batch takes."""
    some = batch[:: len(batch) // 10 + 1]
    size = sum(getsizeof(value) for row in some for value in row)
    return max(1, min(BATCH_ROWS, BATCH_BYTES * len(some) // max(size, 1)))


def _limited(batches: Iterator[Batch], maximum_rows: int | None, limit_note: str) -> Iterator[Batch]:
    total = 0
    for batch in batches:
        total += len(batch)
        if maximum_rows is not None and total > maximum_rows:
            sentence = f"The query returned more than the limit of {maximum_rows:,} rows."
            raise LimitExceeded(f"{sentence} {limit_note}".rstrip())
        yield batch


def _chosen(
    batches: Iterator[Batch],
    names: list[str],
    columns: Sequence[Column],
    source: Source,
    texts: Collection[int],
) -> Batches:
    """Pick the wanted columns of each row, in order, converted to the declared types."""
    missing = [column.key for column in columns if column.key not in names]
    if missing:
        raise QueryFailed(f"The query has no column “{missing[0]}” any more; it gives {', '.join(names)}.")
    positions = [names.index(column.key) for column in columns]
    as_text = {place for place, position in enumerate(positions) if position in texts}
    converters = converters_for(columns, source.backend, texts=as_text)
    as_read = positions == list(range(len(names))) and not any(converters)
    return (_convert(batch, None if as_read else positions, converters) for batch in batches)


def _convert(batch: Batch, positions: list[int] | None, converters: list[Converter | None]) -> Batch:
    """Return the columns at `positions`, converted; the batch itself where they are None."""
    if positions is None:
        return batch
    by_column = list(zip(*batch, strict=True))
    picked = (
        by_column[position] if convert is None else convert(by_column[position])
        for position, convert in zip(positions, converters, strict=True)
    )
    return list(zip(*picked, strict=True))


@contextmanager
def _explained(source: Source, watchdog: Watchdog, sql: str = "") -> Iterator[None]:
    """Turn what the driver raises into a sentence of ours, without secrets."""
    try:
        yield
    except ResourceClosedError:
        raise QueryFailed("The SQL returns no rows; a dataset needs a SELECT.") from None
    except DBAPIError as error:
        if watchdog.expired or any(words in str(error.orig) for words in _TIMED_OUT):
            raise QueryTimeout(f"The query ran past its limit of {watchdog.limit:g} s.") from None
        message = clean_message(error, source.url)
        if message in _DENIED:
            message = READ_ONLY
        raise QueryFailed(message, place_of(sql, str(error.orig))) from None
    except StatementError as error:  # a value can't be bound
        raise QueryFailed(str(error.orig or error).splitlines()[0]) from None
    except UnicodeEncodeError:
        raise QueryFailed("The SQL or a filter has characters that the database's encoding lacks.") from None
    except OverflowError:
        raise QueryFailed("A number among the filters is too large for the database.") from None
