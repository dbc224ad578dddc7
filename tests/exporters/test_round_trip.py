"""What came out of the database is what another program finds in CSV and JSON."""

import io
import json
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.base import Exporter
from portal.exporters.csv_fields import executes
from portal.exporters.options import CsvOptions, Delimiter, Quoting
from portal.table import Column, ColumnType
from tests.exporters.shared import export

# All that both formats keep as it is: no half of a surrogate pair, and for CSV no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=9)
COLUMNS = [
    Column("text", "text"),
    Column("integer", "integer", ColumnType.INTEGER),
    Column("decimal", "decimal", ColumnType.DECIMAL),
    Column("float", "float", ColumnType.DECIMAL),
    Column("date", "date", ColumnType.DATE),
    Column("instant", "instant", ColumnType.DATETIME),
    Column("flag", "flag", ColumnType.BOOLEAN),
    Column("bytes", "bytes"),
]
ROW = st.tuples(
    st.none() | TEXT,
    st.none() | st.integers(-(10**25), 10**25),
    st.none() | DECIMALS,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.dates(),
    st.none() | INSTANTS,
    st.none() | st.booleans(),
    st.none() | st.binary(),
)
ROWS = st.lists(ROW, min_size=1, max_size=12)


def guarded(text: str) -> str:
    return f"'{text}" if executes(text) else text


@pytest.mark.parametrize("delimiter", [Delimiter.COMMA, Delimiter.SEMICOLON])
@pytest.mark.parametrize("quoting", list(Quoting))
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_pyarrow_finds_in_csv_what_went_in(
    delimiter: Delimiter, quoting: Quoting, rows: list[tuple[Any, ...]]
) -> None:
    data, _ = export(CsvExporter(CsvOptions(delimiter, quoting=quoting)), COLUMNS, rows)

    table = arrow_csv.read_csv(
        io.BytesIO(data),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter.value, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in ("text", "integer", "decimal", "float", "bytes")}
            | {
                "date": pyarrow.string(),
                "instant (Europe/Berlin)": pyarrow.string(),
                "flag": pyarrow.bool_(),
            },
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )

    for found, row in zip(zip(*table.to_pydict().values(), strict=True), rows, strict=True):
        text, integer, decimal, number, day, instant, flag, binary = found
        assert text == (row[0] if row[0] is None else guarded(row[0]))
        assert (integer is None, decimal is None, number is None) == (
            row[1] is None,
            row[2] is None,
            row[3] is None,
        )
        assert integer is None or int(integer) == row[1]
        assert decimal is None or Decimal(decimal).as_tuple() == row[2].as_tuple()
        assert number is None or float(number) == row[3]
        assert day == (row[4] and row[4].isoformat())
        assert (instant and datetime.fromisoformat(instant)) == row[5]
        assert flag == row[6]
        assert binary == (None if row[7] is None else guarded(b64encode(row[7]).decode()))


def in_json(row: tuple[Any, ...]) -> list[Any]:
    """Return what the documentation says that a row becomes."""
    text, integer, decimal, number, day, instant, flag, binary = row
    return [
        text,
        str(integer) if integer is not None and abs(integer) >= 2**53 else integer,
        decimal if decimal is None else format(decimal, "f"),
        number,
        day and day.isoformat(),
        instant and instant.replace(tzinfo=None).isoformat() + "Z",
        flag,
        None if binary is None else b64encode(binary).decode(),
    ]


@pytest.mark.parametrize("exporter", [JsonExporter(), NdjsonExporter()], ids=["array", "lines"])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_json_holds_what_went_in(exporter: Exporter, rows: list[tuple[Any, ...]]) -> None:
    data, written = export(exporter, COLUMNS, rows)

    lines = data.decode().removesuffix("\n").split("\n")
    found = json.loads(data) if exporter.extension == "json" else [json.loads(line) for line in lines]
    assert [list(one.values()) for one in found] == [in_json(row) for row in rows]
    assert len(lines) == len(rows) + (2 if exporter.extension == "json" else 0), "a line a row"
    assert written.notes == ()


def test_no_text_is_taken_for_the_end_of_an_object() -> None:
    """Rows are written in one go and parted at what stands between two objects: `},{"key":`."""
    tricky = ['},{"key":', '"},{"key":1', "},{", '\\"},{"key":"', '{"key":'] * 2
    columns = [Column("key", "Key"), Column('},{"key":', "Other")]

    for exporter in (JsonExporter(), NdjsonExporter()):
        data, _ = export(exporter, columns, [[text, text] for text in tricky])
        lines = [line.rstrip(",") for line in data.decode().splitlines() if line.startswith("{")]
        assert [list(json.loads(line).values()) for line in lines] == [[text, text] for text in tricky]


def test_polars_reads_ndjson() -> None:
    columns = [Column("id", "Id", ColumnType.INTEGER), Column("day", "Day", ColumnType.DATE)]
    rows = [[number, date(2025, 1, 1)] for number in range(1000)]

    frame = polars.read_ndjson(io.BytesIO(export(NdjsonExporter(), columns, rows)[0]))

    assert frame.rows() == [(number, "2025-01-01") for number in range(1000)]
