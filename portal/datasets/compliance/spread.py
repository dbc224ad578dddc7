"""What one row a case spreads to the right: its investigations, its custom fields, and whatever is left."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from portal.datasets.compliance.choice import Slot
from portal.datasets.compliance.dialects import Dialect
from portal.datasets.compliance.fields import (
    BOARD,
    DAY,
    INSTANT,
    MONEY,
    PII,
    SENSITIVE,
    Field,
    aging_fields,
    case_fields,
    integer,
)
from portal.table import Column, ColumnType

COUNT = integer("investigation_count", "Investigations", "COALESCE(inv.total, 0)", tags=BOARD)
_OVERFLOW = Column("overflow", "Further fields", ColumnType.JSON, width=40, group="overflow", tags=SENSITIVE)

# The repeated columns; their keys are those of `numbered`.
_REPEATED = (
    Column("number", "number", width=18),
    Column("type", "type", width=18),
    Column("status", "status", width=10),
    Column("investigator", "investigator", width=22, tags=PII),
    Column("opened_at", "opened", ColumnType.DATETIME, INSTANT, 17),
    Column("closed_at", "closed", ColumnType.DATETIME, INSTANT, 17),
    Column("conclusion", "conclusion", width=26, tags=SENSITIVE),
    Column("hours", "hours", ColumnType.DECIMAL, "0.00", 9),
)
_REPEATED_KEY = re.compile(r"inv_[0-9]+_.*")

_FORMATS = {ColumnType.CURRENCY: MONEY, ColumnType.DATE: DAY, ColumnType.DATETIME: INSTANT}
_WIDTHS: Mapping[ColumnType, int] = {
    ColumnType.TEXT: 20,
    ColumnType.DATE: 12,
    ColumnType.DATETIME: 17,
    ColumnType.CURRENCY: 16,
    ColumnType.JSON: 40,
}

_NUMBERED = """SELECT i.id, i.case_id, i.number, i.type, i.status, i.investigator_id, u.name AS investigator,
    i.opened_at, i.closed_at, i.conclusion, i.hours,
    ROW_NUMBER() OVER (PARTITION BY i.case_id ORDER BY i.opened_at, i.id) AS place
  FROM investigations i LEFT JOIN users u ON u.id = i.investigator_id
  WHERE i.case_id IN (SELECT id FROM chosen)"""


def numbered(chosen: str, sql: Dialect) -> str:
    """Return the beginning of a query: investigations, numbered within their case as they were opened.

    `chosen` is a query of the ids of the cases in question: a month of cases shall not take the
    investigations of all years.
    """
    return f"WITH chosen AS (\n{chosen}\n), numbered AS (\n  {_NUMBERED}{sql.ORDERED}\n)"


def repeated_fields(investigations: int, sql: Dialect) -> tuple[Field, ...]:
    """Return the columns `inv_1_number` … `inv_N_hours`, group by group."""
    return tuple(_nth(nth, column, sql) for nth in range(1, investigations + 1) for column in _REPEATED)


def by_case(investigations: int, sql: Dialect, *, further: bool) -> str:
    """Return the query of `inv`: one row a case, its first N investigations spread, the rest a JSON list.

    Each investigation is looked at once, whatever N is: no join for each of them.
    """
    spread = [
        f"MAX(CASE WHEN place = {nth} THEN {column.key} END) AS inv_{nth}_{column.key}"
        for nth in range(1, investigations + 1)
        for column in _REPEATED
    ]
    rest = [f"{sql.json_list(_members(sql), f'place > {investigations}')} AS further"] if further else []
    columns = ",\n    ".join(("case_id", "COUNT(*) AS total", *spread, *rest))
    return f"SELECT\n    {columns}\n  FROM numbered GROUP BY case_id"


def slot_fields(slots: Sequence[Slot], sql: Dialect) -> tuple[Field, ...]:
    """Return the columns of custom fields, in the order of the slots."""
    taken = {field.column.key for field in (*case_fields(sql), *aging_fields(sql), COUNT)} | {"overflow"}
    return tuple(Field(sql.custom_field(slot.names, slot.type), _slot_column(slot, taken)) for slot in slots)


def overflow_field(slots: Sequence[Slot], sql: Dialect) -> Field:
    """Return whatever has no column of its own, so that a narrow file loses nothing in silence."""
    return Field(sql.overflow([slot.names for slot in slots]), _OVERFLOW)


def _nth(nth: int, column: Column, sql: Dialect) -> Field:
    key, label = f"inv_{nth}_{column.key}", f"Investigation {nth} {column.label}"
    value = f"inv.{key}"
    expression = sql.instant(value) if column.type is ColumnType.DATETIME else value
    return Field(expression, replace(column, key=key, label=label, group=f"inv_{nth}"))


def _members(sql: Dialect) -> dict[str, str]:
    return {
        column.key: sql.written_instant(column.key) if column.type is ColumnType.DATETIME else column.key
        for column in _REPEATED
    }


def _slot_column(slot: Slot, taken: set[str]) -> Column:
    key = slot.name
    if key in taken or _REPEATED_KEY.fullmatch(key) or not key[0].isalpha():
        key = f"custom_{key}"
    return Column(
        key=key,
        label=slot.label.strip(),
        type=slot.type,
        format=slot.format or _FORMATS.get(slot.type),
        width=_WIDTHS.get(slot.type, 12),
        group="tagged",
        tags=slot.tags,
    )
