"""Values as a reader of paper wants them, and the totals below them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Self
from zoneinfo import ZoneInfo

from portal.exporters.base import Document, zone_name
from portal.exporters.by_type import ByType
from portal.exporters.json_values import JsonValues
from portal.exporters.text import (
    OUTSIDE_CALENDAR,
    binary_text,
    decimal_text,
    float_text,
    in_zone,
)
from portal.table import Column, ColumnType, Row
from portal.tally import WITHOUT_ZONE, Tally

_DEFAULTS = {
    ColumnType.CURRENCY: "#,##0.00",
    ColumnType.PERCENTAGE: "0.0%",
}
_NUMBER_FORMAT = re.compile(r"(?P<grouped>#,##)?0(?:\.(?P<decimals>0+))?(?P<percent>%)?")

# Exact for whatever a database can hold: PostgreSQL's numeric has up to 131,072 digits before the point and
# 16,383 behind it (its manual, "Numeric Types"). Numbers of usual length cost no more for it.
_EXACT = Context(prec=150_000)

# Adding these up says nothing: numbers that only name something.
_NAMES = re.compile(r"(?:.*_)?(?:id|no|nr|number|year|month|day|version)", re.IGNORECASE)
_SUMMED = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.CURRENCY})


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The part of spreadsheet number formats that paper needs: `0`, `#,##0.00`, `0.0%`.

    A format that a column declares rounds, as it was asked to. Its type's own only sets the least number of
    decimals: digits are never lost to a default.
    """

    grouped: bool = False
    decimals: int = 0
    percent: bool = False
    rounds: bool = False

    @classmethod
    def of(cls, column: Column) -> Self:
        """Read the column's format or its type's; one we don't know shows the number as it is."""
        found = _NUMBER_FORMAT.fullmatch(column.format or _DEFAULTS.get(column.type, "0"))
        if found is None:
            return cls()
        return cls(
            grouped=bool(found["grouped"]),
            decimals=len(found["decimals"] or ""),
            percent=bool(found["percent"]),
            rounds=column.format is not None,
        )

    def show(self, value: Decimal) -> str:
        """Return `value` in this format; NaN and infinities by their names."""
        if not value.is_finite():
            return decimal_text(value)
        if self.percent:
            value = value.scaleb(2, _EXACT)
        comma = "," if self.grouped else ""
        exact = format(value, f"{comma}f")
        whole, _, fraction = exact.partition(".")
        if self.rounds and len(fraction) > self.decimals:
            exact = format(round_half_up(value, self.decimals), f"{comma}f")
        elif self.decimals > len(fraction):
            exact = f"{whole}.{fraction.ljust(self.decimals, '0')}"
        return exact + "%" * self.percent


def round_half_up(value: Decimal, decimals: int) -> Decimal:
    """Round as spreadsheets do, halves away from zero."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)


def shown_texts(column: Column, document: Document, tally: Tally) -> ByType[str]:
    """Return how each type is shown in `column`: as plain text, but numbers by format and times readable.

    Times without a zone are shown as they are and counted in `tally`. In the hour that clocks repeat in
    autumn the offset stands beside the time.
    """
    show = NumberFormat.of(column).show
    zone = ZoneInfo(zone_name(column, document))

    def moment(value: datetime) -> str:
        if value.tzinfo is None:
            tally.count(WITHOUT_ZONE)
            return value.isoformat(" ")
        local = in_zone(value, zone)
        if local.tzinfo is not zone:
            tally.count(OUTSIDE_CALENDAR)
            return local.isoformat(" ")
        return local.isoformat(" ") if _repeated(local) else local.replace(tzinfo=None).isoformat(" ")

    def real(value: float) -> str:
        return show(Decimal(float_text(value)))

    return ByType(
        {
            type(None): lambda _: "",
            str: str,
            bool: lambda value: "Yes" if value else "No",
            int: lambda value: show(Decimal(value)),
            float: real,
            Decimal: show,
            date: date.isoformat,
            datetime: moment,
            **dict.fromkeys((bytes, bytearray, memoryview), binary_text),
            **dict.fromkeys((list, tuple, dict), JsonValues(tally).text),
        },
        other=str,
    )


def _repeated(local: datetime) -> bool:
    """Whether two instants have this local time, because clocks were put back (PEP 495)."""
    return local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()


class Totals:
    """Exact sums of the columns worth adding up. A value that is no number ends its column's sum."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._sums: dict[int, Decimal] = {
            i: Decimal(0)
            for i, column in enumerate(columns)
            if column.type in _SUMMED and not _NAMES.fullmatch(column.key)
        }

    @property
    def columns(self) -> frozenset[int]:
        """The positions of the columns that are summed."""
        return frozenset(self._sums)

    def add(self, row: Row) -> None:
        """Add the numbers of one row; NULL counts as nothing."""
        for i in list(self._sums):
            value = row[i]
            if isinstance(value, float):
                value = Decimal(float_text(value))
            match value:
                case None:
                    pass
                case int() | Decimal() if Decimal(value).is_finite():
                    self._sums[i] = _EXACT.add(self._sums[i], Decimal(value))
                case _:
                    del self._sums[i]

    def texts(self) -> list[str]:
        """Return one text a column, empty where there is no total; nothing at all when there is none."""
        shown = [
            NumberFormat.of(column).show(self._sums[i]) if i in self._sums else ""
            for i, column in enumerate(self._columns)
        ]
        return shown if any(shown) else []
