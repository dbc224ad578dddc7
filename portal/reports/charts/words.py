"""The figures of a chart in sentences, for those who hear it instead of seeing it."""

from collections.abc import Iterable
from decimal import Decimal

from portal.reports.charts.data import Row, Table
from portal.reports.numbers import share, shown

_NOTHING = "no figure"


def said(value: Decimal | None, table: Table) -> str:
    """Return a value with its unit; `no figure` for None."""
    return _NOTHING if value is None else shown(value, table.unit)


def each_category(table: Table) -> str:
    """Return `Fraud 42, Theft 12.`; with several series `North: High 4, Low 8. South: …`."""
    if len(table.rows) == 1:
        pairs = zip(table.categories, table.rows[0].values, strict=True)
        return _sentences([", ".join(f"{name} {said(value, table)}" for name, value in pairs)], table.notes)
    parts = (f"{name}: {at_category(table, i)}" for i, name in enumerate(table.categories))
    return _sentences(parts, table.notes)


def at_category(table: Table, index: int) -> str:
    """Return what each series has in one category: `High 4, Low 8`."""
    return ", ".join(f"{row.label} {said(row.values[index], table)}" for row in table.rows)


def each_course(table: Table) -> str:
    """Return where each series of a line begins, ends, and is lowest and highest."""
    return _sentences((f"{row.label}: {_course(row, table)}" for row in table.rows), table.notes)


def each_share(table: Table, total: Decimal) -> str:
    """Return `E-mail 42 (31 %), Hotline 12 (9 %). Total 135.`"""
    parts = [
        f"{name} {said(value, table)}" + (f" ({share(value, total)})" if value is not None else "")
        for name, value in zip(table.categories, table.rows[0].values, strict=True)
    ]
    return _sentences([", ".join(parts), f"Total {shown(total, table.unit)}"], table.notes)


def _course(row: Row, table: Table) -> str:
    if not row.known:
        return _NOTHING
    points = [
        (value, name) for value, name in zip(row.values, table.categories, strict=True) if value is not None
    ]
    if len(points) == 1:
        return _point("", points[0], table)
    ends = f"{_point('from', points[0], table)} {_point('to', points[-1], table)}"
    lowest = min(points, key=lambda point: point[0])
    highest = max(points, key=lambda point: point[0])
    return f"{ends}; {_point('lowest', lowest, table)}, {_point('highest', highest, table)}"


def _point(word: str, point: tuple[Decimal, str], table: Table) -> str:
    value, name = point
    return f"{word} {said(value, table)} in {name}".strip()


def _sentences(parts: Iterable[str], notes: Iterable[str]) -> str:
    return " ".join([*(f"{part}." for part in parts), *notes])
