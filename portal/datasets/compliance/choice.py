"""What somebody chooses of a built-in dataset: its export type, investigations a row, custom fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from portal.datasets.export_type import ExportType
from portal.table import ColumnType

MOST_INVESTIGATIONS = 10
MOST_SLOTS = 20
LONGEST_PATH = 60  # PostgreSQL cuts names beyond 63 bytes, and a path names its column
WITH_OPTIONS = frozenset({ExportType.FLAT_FILE, ExportType.CUSTOM})
"""The export types that spread investigations and custom fields."""

# Not every database takes a bound value for a JSON path, so paths are the one thing that people type and that
# stands in the SQL, between quotes. ASCII letters, digits, `_` and `-`, joined by single dots, are all that
# can get there: no quote, backslash, colon, percent sign or brace, so nothing that ends the string they stand
# in, within SQL or within the path. `fullmatch`, because `$` would let a line end pass.
_PATH = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Slot:
    """A custom field with a column of its own: `path` names it in the JSON, `address.city` within another.

    Raises ValueError for a path that can't stand in a query, and for a label that is none.
    """

    path: str
    label: str
    type: ColumnType = ColumnType.TEXT
    format: str | None = None
    tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path) or len(self.path) > LONGEST_PATH:
            raise ValueError(
                f"“{self.path}” is no path: names of letters, digits, _ and -, joined by dots,"
                f" {LONGEST_PATH} characters at most"
            )
        if not self.label.strip():
            raise ValueError(f"“{self.path}” needs a label")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.path.split("."))

    @property
    def name(self) -> str:
        """The path as a name: `address.post-code` → `address_post_code`."""
        return re.sub(r"[.-]", "_", self.path.lower())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {
            "path": self.path,
            "label": self.label,
            "type": self.type.value,
            "format": self.format,
            "tags": sorted(self.tags),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError or ValueError on anything else."""
        return cls(
            path=data["path"],
            label=data["label"],
            type=ColumnType(data["type"]),
            format=data.get("format"),
            tags=frozenset(data.get("tags", ())),
        )


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in dataset as it was chosen. All but the export type count for FLAT_FILE and CUSTOM only.

    `investigations` is how many of a case's investigations have columns, in the order they were opened;
    `overflow` adds a column of JSON with whatever has none. Raises ValueError beyond the limits, and for two
    custom fields that would have columns of the same name.
    """

    export_type: ExportType
    investigations: int = 3
    slots: tuple[Slot, ...] = ()
    overflow: bool = True

    def __post_init__(self) -> None:
        if self.investigations not in range(MOST_INVESTIGATIONS + 1):
            raise ValueError(f"there can be 0 to {MOST_INVESTIGATIONS} investigations a row")
        if len(self.slots) > MOST_SLOTS:
            raise ValueError(f"there can be at most {MOST_SLOTS} custom fields")
        names = [slot.name for slot in self.slots]
        for slot in self.slots:
            if names.count(slot.name) > 1:
                raise ValueError(f"“{slot.path}” is there twice")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {
            "export_type": self.export_type.value,
            "investigations": self.investigations,
            "slots": [slot.to_dict() for slot in self.slots],
            "overflow": self.overflow,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`. Raises KeyError or ValueError on anything else."""
        return cls(
            export_type=ExportType(data["export_type"]),
            investigations=data["investigations"],
            slots=tuple(Slot.from_dict(slot) for slot in data["slots"]),
            overflow=data["overflow"],
        )
