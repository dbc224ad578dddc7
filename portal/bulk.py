"""Many rows in one statement."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Enum, String, Table, Text, bindparam, cast, column, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from portal.database import insert_into


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str
) -> frozenset[str]:
    """Insert rows, except those that a unique index of the table refuses; return `key` of the new ones.

    All rows name the same columns. `key` is a column of unguessable ids, each new: a row that is found by
    it is one of these.
    """
    if not rows:
        return frozenset()
    if connection.dialect.name == "postgresql":
        return _insert_document(connection, table, rows, key)
    connection.execute(insert_into(table, connection).on_conflict_do_nothing(), list(rows))
    return frozenset(
        connection.scalars(select(table.c[key]).where(table.c[key].in_([row[key] for row in rows])))
    )


def _insert_document(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: str
) -> frozenset[str]:
    """Send all rows as one JSON document: less than half of what binding each value of each row takes."""
    names = list(rows[0])
    document = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    source = document.table_valued(*(column(name, _plain(table.c[name].type)) for name in names), name="new")
    insert = insert_into(table, connection).from_select(names, select(source.render_derived(with_types=True)))
    statement = insert.on_conflict_do_nothing().returning(table.c[key])
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_instant)
    return frozenset(connection.scalars(statement, {"rows": text}))


def _instant(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"a row holds {value!r}: neither JSON nor an instant with its time zone")
    return value.isoformat()


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type as the server knows it: an enumeration is text there."""
    return String() if isinstance(kind, Enum) else kind
