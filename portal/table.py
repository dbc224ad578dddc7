"""Columns and rows: what datasets yield and exporters write. Knows no session, no request, no file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class ColumnType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    CURRENCY = "currency"
    PERCENTAGE = "percentage"
    JSON = "json"


class Zone(StrEnum):
    """In which zone a column shows its instants: the schedule's, or UTC."""

    SCHEDULE = "schedule"
    UTC = "utc"


NUMERIC_TYPES = frozenset(
    {ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.CURRENCY, ColumnType.PERCENTAGE}
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset.

    `key` names it in the query's result, `label` in the file. `format` is a spreadsheet number format
    (`#,##0.00`), `width` is in characters. `group` is `core`, `inv_1` …, `tagged` or `overflow`; `tags`
    mark what a column holds (PII, SENSITIVE, BOARD, EXTERNAL). `zone` is for a datetime column.
    """

    key: str
    label: str
    type: ColumnType = ColumnType.TEXT
    format: str | None = None
    width: int | None = None
    group: str = "core"
    tags: frozenset[str] = field(default_factory=frozenset)
    zone: Zone = Zone.SCHEDULE

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {
            "key": self.key,
            "label": self.label,
            "type": self.type.value,
            "format": self.format,
            "width": self.width,
            "group": self.group,
            "tags": sorted(self.tags),
            "zone": self.zone.value,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError or ValueError on anything else."""
        return cls(
            key=data["key"],
            label=data["label"],
            type=ColumnType(data["type"]),
            format=data.get("format"),
            width=data.get("width"),
            group=data.get("group", "core"),
            tags=frozenset(data.get("tags", ())),
            zone=Zone(data.get("zone", Zone.SCHEDULE)),
        )


Row = Sequence[Any]
"""A value a column: None, str, int, float, Decimal, date, datetime, bool, bytes, or a JSON list or dict."""

Batch = Sequence[Row]
"""Some consecutive rows; a batch is what one read from the database brings."""

Batches = Iterable[Batch]
