"""CSV and JSON read back by the standard library."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

from portal.table import ColumnType

from .cases import COLUMNS, ZONE, rows


@dataclass(frozen=True)
class Form:
    """How to read a file: its rows, the header first, and what makes each field the value that went in.

    `null` is what stands for NULL; instants are to be shown in `zone`.
    """

    read: Callable[[Path], Iterator[list[Any]]]
    convert: Mapping[ColumnType, Callable[[Any], Any]]
    null: str | None
    zone: tzinfo

    def expected(self, value: Any) -> Any:
        """Return what a converted field must be."""
        if value is None:
            return self.null
        # as text: an hour that comes twice equals no time of another zone (PEP 495)
        return value.astimezone(self.zone).isoformat() if isinstance(value, datetime) else value


def verify(path: Path, form: Form, labels: Sequence[str], count: int) -> None:
    """The header and every value of the file equal what went in, in type, too."""
    found = form.read(path)
    above = next(found)
    assert above == list(labels), f"the header of {path.name}: {above}"
    converters = [form.convert.get(column.type, _as_it_is) for column in COLUMNS]
    for number, (got, want) in enumerate(zip(found, rows(count), strict=True), 2):
        values = [convert(field) for convert, field in zip(converters, got, strict=True)]
        expected = [form.expected(value) for value in want]
        same = values == expected and list(map(type, values)) == list(map(type, expected))
        assert same, f"row {number} of {path.name}: {got}, not {expected}"


def _read_csv(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as text:
        yield from csv.reader(text)


def _read_json(path: Path) -> Iterator[list[Any]]:
    """Yield the keys, then the values; both layouts have a row a line."""
    with path.open(encoding="utf-8", newline="\n") as text:
        for number, row in enumerate(json.loads(line.rstrip(",\n")) for line in text if line[0] == "{"):
            if number == 0:
                yield list(row)
            yield list(row.values())


def _as_it_is(field: Any) -> Any:
    return field


def _amount(field: str | None) -> Any:
    return Decimal(field) if field else field


def _instant(field: str) -> str:
    """Return ISO 8601 in one of the ways that writers have."""
    return datetime.fromisoformat(field).isoformat()


def _boolean(field: str) -> bool | str:
    return {"true": True, "false": False}.get(field.lower(), field)  # NULL's empty text is no boolean


JSON = Form(_read_json, {ColumnType.CURRENCY: _amount, ColumnType.DATETIME: _instant}, null=None, zone=UTC)
CSV = Form(
    _read_csv,
    {**JSON.convert, ColumnType.INTEGER: int, ColumnType.BOOLEAN: _boolean},
    null="",
    zone=ZONE,
)
