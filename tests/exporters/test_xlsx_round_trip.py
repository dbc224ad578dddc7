"""Rows of every type, read back by openpyxl, by calamine and by LibreOffice."""

import base64
import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from portal.exporters.as_xlsx import XlsxExporter
from portal.table import Column, ColumnType, Zone
from tests.exporters.shared import export

BERLIN = ZoneInfo("Europe/Berlin")
FIRST_SAFE = datetime.fromisoformat("1900-03-01")

COLUMNS = [
    Column("text", "Text"),
    Column("integer", "Integer", ColumnType.INTEGER),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("number", "Number", ColumnType.DECIMAL),
    Column("day", "Day", ColumnType.DATE),
    Column("local", "Local", ColumnType.DATETIME),
    Column("utc", "UTC", ColumnType.DATETIME, zone=Zone.UTC),
    Column("yes", "Yes", ColumnType.BOOLEAN),
    Column("binary", "Binary"),
    Column("json", "JSON", ColumnType.JSON),
    Column("any", "Any"),
]

# What XML can hold and Excel does not read as an escape.
TEXT = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[*(chr(i) for i in range(32) if i not in {9, 10, 13}), "\ufffe", "\uffff"],
    ),
    max_size=20,
).filter(lambda text: not re.search("_x[0-9A-Fa-f]{4}_", text))
INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("America/New_York")]))
JSON = st.dictionaries(st.sampled_from(["a", "ä"]), st.integers() | st.none() | st.lists(st.booleans()))
KINDS: list[st.SearchStrategy[Any]] = [
    TEXT | st.sampled_from(["=1+1", "+1", "-1", "@a", "#N/A", " ", "TRUE", "1e5"]),
    st.integers() | st.integers(-(10**15), 10**15),
    st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.decimals(),
    st.floats(),
    st.dates(),
    st.datetimes() | INSTANTS,
    INSTANTS,
    st.booleans(),
    st.binary(max_size=20),
    JSON,
]
ROWS = st.lists(
    st.tuples(*(st.none() | kind for kind in KINDS), st.none() | st.one_of(KINDS)), min_size=1, max_size=5
)


def expected(value: Any, zone: ZoneInfo) -> Any:
    """Return what a cell must hold, as openpyxl says it."""
    match value:
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) < 10**15 else str(value)
        case float():
            return value if math.isfinite(value) else {math.inf: "Infinity"}.get(value, _not_finite(value))
        case Decimal():
            return _decimal(value)
        case datetime():
            return _moment(value, zone)
        case date():
            moment = datetime.combine(value, time.min)
            return moment if moment >= FIRST_SAFE else value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
    return json.dumps(_structure(value), ensure_ascii=False, separators=(",", ":"))


def _structure(value: dict[str, Any]) -> dict[str, Any]:
    """Integers that most readers of JSON would round are strings (RFC 8259, section 6)."""
    return {
        key: str(item) if type(item) is int and abs(item) >= 2**53 else item for key, item in value.items()
    }


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "-Infinity"


def _decimal(value: Decimal) -> float | str:
    if not value.is_finite():
        return "NaN" if value.is_nan() else str(value)
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    return float(value) if len(digits) <= 15 and -290 < value.adjusted() < 290 else f"{value:f}"


def _moment(value: datetime, zone: ZoneInfo) -> datetime | str:
    try:
        local = value if value.tzinfo is None else value.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return value.isoformat(" ")
    if local < FIRST_SAFE:
        return local.isoformat(" ")
    return local.replace(microsecond=local.microsecond // 1000 * 1000)


def as_calamine_says(value: Any) -> Any:
    return "" if value is None else value


@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # to shrink takes minutes
@given(ROWS)
@example([(*[None] * 9, {"a": 2**53, "ä": 2**53 - 1}, None)])
def test_it_gives_two_readers_every_value_it_was_given(rows: list[tuple[Any, ...]]) -> None:
    filled = [(*row, True) for row in rows]  # a reader knows of no row after the last value
    data, written = export(XlsxExporter(), [*COLUMNS, Column("last", "Last")], filled)
    zones = [ZoneInfo("UTC") if column.zone is Zone.UTC else BERLIN for column in COLUMNS]
    want = [[expected(*pair) for pair in zip(row, zones, strict=True)] for row in rows]
    sheet = load_workbook(io.BytesIO(data)).worksheets[0]
    assert [list(row[:-1]) for row in sheet.iter_rows(2, values_only=True)] == want
    seen = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1:]
    midnights = [
        [datetime.combine(value, time.min) if type(value) is date else value for value in row[:-1]]
        for row in seen
    ]
    assert midnights == [[as_calamine_says(value) for value in row] for row in want]
    assert written.rows == len(rows)


SOFFICE = shutil.which("soffice")

TRICKY: list[list[Any]] = [
    ["=1+1", 1, Decimal("1234.50"), date(2025, 3, 9), datetime.fromisoformat("2025-07-01T12:00:01Z"), True],
    [
        "+A1",
        -7,
        Decimal("-0.05"),
        date(1900, 3, 1),
        datetime.fromisoformat("2025-01-01T00:00:59Z"),
        False,
    ],
    ["#N/A", 10**15 - 1, None, date(1900, 2, 28), datetime.fromisoformat("1899-01-01T00:00:00"), None],
    [" blanks  ", 10**18, Decimal("NaN"), None, datetime.fromisoformat("2024-02-29T23:59:59"), True],
    ['a "quoted", &amp; <b>\nnext', None, Decimal(0), None, None, None],
    ["_x0041_ 李小龙 🙂 \u05e9\u05dc\u05d5\u05dd", 0, None, None, None, None],
    ["", 1, None, None, None, None],
    ["00123", 1, None, None, None, None],
]
SHOWN = [
    ["Text", "Integer", "Amount", "Day", "Moment (Europe/Berlin)", "Yes"],
    ["=1+1", "1", "1234.5", "2025-03-09", "2025-07-01 14:00:01", "TRUE"],
    ["+A1", "-7", "-0.05", "1900-03-01", "2025-01-01 01:00:59", "FALSE"],
    ["#N/A", "999999999999999", "", "1900-02-28", "1899-01-01 00:00:00", ""],
    [" blanks  ", "1000000000000000000", "NaN", "", "2024-02-29 23:59:59", "TRUE"],
    ['a "quoted", &amp; <b>\nnext', "", "0", "", "", ""],
    ["_x0041_ 李小龙 🙂 \u05e9\u05dc\u05d5\u05dd", "0", "", "", "", ""],
    ["", "1", "", "", "", ""],
    ["00123", "1", "", "", "", ""],
]


@pytest.mark.skipif(
    SOFFICE is None and os.environ.get("PORTAL_REQUIRE_OFFICE") != "1",
    reason="no LibreOffice on this machine",
)
def test_it_shows_in_libreoffice_what_it_was_given(tmp_path: Path) -> None:
    assert SOFFICE, "PORTAL_REQUIRE_OFFICE=1, and there is no LibreOffice"
    columns = [*COLUMNS[:3], COLUMNS[4], Column("m", "Moment", ColumnType.DATETIME), COLUMNS[7]]
    data, _ = export(XlsxExporter(), columns, TRICKY)
    (tmp_path / "tricky.xlsx").write_bytes(data)
    # comma, double quote, UTF-8, from the first line, dates and texts as shown, numbers with all digits
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [SOFFICE, profile, "--headless", "--convert-to", form, "--outdir", tmp_path]
    subprocess.run([*command, tmp_path / "tricky.xlsx"], check=True, capture_output=True, timeout=120)
    with (tmp_path / "tricky.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == SHOWN
