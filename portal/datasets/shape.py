"""What a query gives: its columns' names and what kind of values they hold; and how two differ. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Self

from portal.table import Batch, Column

NAMED = 3
"""How many columns a sentence names of each kind of difference."""


class Family(StrEnum):
    """Values that can stand for each other without a reader's noticing: 1 and 1.5, a date and an instant."""

    NUMBER = "numbers"
    TEXT = "text"
    TIME = "dates or times"
    BOOLEAN = "yes or no"
    BYTES = "bytes"
    STRUCTURE = "structures"


_FAMILIES: tuple[tuple[type | tuple[type, ...], Family], ...] = (
    (bool, Family.BOOLEAN),  # before int, whose subclass it is
    ((int, float, Decimal), Family.NUMBER),
    ((date, time, timedelta), Family.TIME),  # an instant is a date, too
    ((bytes, bytearray, memoryview), Family.BYTES),
    ((dict, list, tuple), Family.STRUCTURE),
)


@dataclass(frozen=True)
class Retyped:
    """A column that holds other values than before, none of them of a family that it held."""

    key: str
    before: frozenset[Family]
    now: frozenset[Family]


@dataclass(frozen=True)
class Difference:
    """What became of some columns; false where nothing did."""

    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.added or self.retyped)

    def in_words(self) -> str:
        """Return `“b” is missing; “c” and “d” are new; “e” holds text instead of numbers`."""
        parts = [
            _named(self.missing, "is missing", "are missing"),
            _named(self.added, "is new", "are new"),
            *(_retyped(one) for one in self.retyped[:NAMED]),
            f"{len(self.retyped) - NAMED} more hold other values" if len(self.retyped) > NAMED else "",
        ]
        return "; ".join(part for part in parts if part)


@dataclass(frozen=True)
class Shape:
    """Columns by name, each with the families of the values seen in it; none where only NULL was seen, or
    where nobody looked. What is unknown never differs."""

    columns: Mapping[str, frozenset[Family]]

    @classmethod
    def named(cls, names: Iterable[str]) -> Self:
        """Return the shape of columns of which only the names are known."""
        return cls(dict.fromkeys(names, frozenset()))

    def with_values(self, columns: Sequence[Column], batch: Batch) -> "Shape":
        """Return this shape with what the rows of a batch, one value a column, hold."""
        if not batch:
            return self
        seen = {
            column.key: frozenset(map(_family, set(map(type, values)) - {type(None)}))
            for column, values in zip(columns, zip(*batch, strict=True), strict=True)
        }
        return Shape({**self.columns, **seen})

    def to_dict(self) -> dict[str, list[str]]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {name: sorted(families) for name, families in self.columns.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[str]]) -> Self:
        """Read the form written by `to_dict`. Raises ValueError for a family that is none."""
        return cls({name: frozenset(map(Family, families)) for name, families in data.items()})


def compare(before: Shape, now: Shape) -> Difference:
    """Return what `now` lacks, has beside, and holds other values in. Names in their own order."""
    both = [
        (name, before.columns[name], families)
        for name, families in now.columns.items()
        if name in before.columns
    ]
    return Difference(
        missing=tuple(name for name in before.columns if name not in now.columns),
        added=tuple(name for name in now.columns if name not in before.columns),
        retyped=tuple(Retyped(*one) for one in both if one[1] and one[2] and not one[1] & one[2]),
    )


def _family(kind: type) -> Family:
    return next((family for kinds, family in _FAMILIES if issubclass(kind, kinds)), Family.TEXT)


def _named(names: Sequence[str], one: str, several: str) -> str:
    """Return `“a” is missing`, `“a”, “b” and 3 more are missing`, or nothing for no names."""
    if not names:
        return ""
    quoted = [f"“{name}”" for name in names[:NAMED]]
    if len(names) > NAMED:
        quoted.append(f"{len(names) - NAMED} more")
    *others, last = quoted
    return f"{', '.join(others)} and {last} {several}" if others else f"{last} {one}"


def _retyped(column: Retyped) -> str:
    before, now = (" and ".join(sorted(families)) for families in (column.before, column.now))
    return f"“{column.key}” holds {now} instead of {before}"
