import json
import tracemalloc
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import RenderFailed
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.base import Written
from portal.exporters.json_rows import NOT_FINITE
from portal.exporters.text import OUTSIDE_CALENDAR
from portal.table import Column, ColumnType
from portal.tally import REPLACED, WITHOUT_ZONE
from tests.exporters.shared import DOCUMENT, Nowhere, Pipe, batches, export

COLUMNS = [Column("id", "Id", ColumnType.INTEGER), Column("name", "Name")]
VALUE = [Column("v", "V")]
FIELDS = [Column("v", "V", ColumnType.JSON)]


def value_written(value: Any, columns: list[Column] = VALUE) -> tuple[Any, Written]:
    data, written = export(JsonExporter(), columns, [[value]])
    return json.loads(data)[0]["v"], written


def test_it_writes_one_array_of_objects_in_column_order() -> None:
    rows = [[i, f"n{i}"] for i in range(7)]
    data, written = export(JsonExporter(), COLUMNS, rows)
    assert json.loads(data) == [{"id": i, "name": f"n{i}"} for i in range(7)]
    assert data.startswith(b'[\n{"id":0,"name":"n0"},\n{"id":1,')
    assert written.rows == 7


def test_it_parts_all_rows_of_a_large_batch() -> None:
    rows = [[i, "},{"] for i in range(1234)]
    sink = Pipe()
    NdjsonExporter().write([rows, rows], COLUMNS, cast(BinaryIO, sink), DOCUMENT)
    found = [json.loads(line) for line in sink.written.splitlines()]
    assert found == [{"id": i, "name": "},{"} for i in range(1234)] * 2


def test_it_writes_an_empty_array_when_there_are_no_rows() -> None:
    data, written = export(JsonExporter(), COLUMNS, [])
    assert json.loads(data) == []
    assert written.rows == 0


def test_it_writes_a_line_a_row_as_ndjson() -> None:
    data, written = export(NdjsonExporter(), COLUMNS, [[1, "a\nb"], [2, None], [3, ""], [4, "d"]])
    assert [json.loads(line) for line in data.decode().splitlines()] == [
        {"id": 1, "name": "a\nb"},
        {"id": 2, "name": None},
        {"id": 3, "name": ""},
        {"id": 4, "name": "d"},
    ]
    assert written.rows == 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", ""),
        ("=1+1", "=1+1"),
        ("nul \0 kept", "nul \0 kept"),
        (True, True),
        (2**53 - 1, 9007199254740991),
        (2**53, "9007199254740992"),
        (-(10**20), "-100000000000000000000"),
        (0.1, 0.1),
        (Decimal("1234.50"), "1234.50"),
        (Decimal("1E+3"), "1000"),
        (date(1899, 12, 31), "1899-12-31"),
        (datetime(2025, 7, 1, 12, tzinfo=UTC), "2025-07-01T12:00:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59Z"),
        (time(7, 30), "07:30:00"),
        (datetime(2025, 7, 1, 12, 0, 0, 7, timezone(timedelta(hours=2))), "2025-07-01T10:00:00.000007Z"),
        (b"\x00\xff", "AP8="),
        ({"a": [1, Decimal("0.10"), 2**60]}, {"a": [1, "0.10", str(2**60)]}),
        ([datetime(2025, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))], ["2025-07-01T10:00:00Z"]),
    ],
)
def test_it_writes_each_type_exactly(value: object, expected: object) -> None:
    assert value_written(value) == (expected, Written(1))


def test_it_shows_times_without_zone_as_they_are_and_counts_them() -> None:
    value = datetime.fromisoformat("2025-01-02T03:04:05")
    assert value_written(value) == ("2025-01-02T03:04:05", Written(1, (f"{WITHOUT_ZONE}: 1 cell.",)))


def test_it_keeps_the_offset_of_times_before_the_year_1_in_utc() -> None:
    value = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3)))
    assert value_written(value) == (
        "0001-01-01T00:00:00+03:00",
        Written(1, (f"{OUTSIDE_CALENDAR}: 1 cell.",)),
    )
    assert value_written([value]) == (["0001-01-01T00:00:00+03:00"], Written(1))


@pytest.mark.parametrize("exporter", [JsonExporter(), NdjsonExporter()])
def test_it_keeps_the_order_of_a_column_of_several_types(exporter: JsonExporter | NdjsonExporter) -> None:
    values: list[Any] = [1, None, "a", Decimal("1.0"), True, 2**53, {"v": 1}, 1.5, "b", b"", None]
    sink = Pipe()
    exporter.write([[[value] for value in values]], VALUE, cast(BinaryIO, sink), DOCUMENT)
    lines = [line.rstrip(b",") for line in sink.written.splitlines() if line.startswith(b"{")]
    assert [json.loads(line)["v"] for line in lines] == [
        *(1, None, "a", "1.0", True, str(2**53), {"v": 1}, 1.5, "b", "", None)
    ]


@pytest.mark.parametrize("embedded", ['[{"a":1},{"v":2}]', [{"a": 1}, {"v": 2}]], ids=["text", "structure"])
def test_it_parts_no_rows_within_a_structure(embedded: object) -> None:
    data, _ = export(NdjsonExporter(), FIELDS, [[embedded], [embedded]])
    assert [json.loads(line) for line in data.splitlines()] == [{"v": [{"a": 1}, {"v": 2}]}] * 2


def test_it_writes_keys_that_are_no_text_as_text() -> None:
    assert value_written({1: "a", 2.5: "b", None: "c", date(2025, 3, 9): "d"}) == (
        {"1": "a", "2.5": "b", "null": "c", "2025-03-09": "d"},
        Written(1),
    )


def test_it_parts_rows_rightly_when_the_first_key_is_a_comma() -> None:
    columns = [Column(",", "A"), Column(":x", "B")]
    data, _ = export(NdjsonExporter(), columns, [["},{", 1], ["},{", 2]])
    assert [json.loads(line) for line in data.splitlines()] == [{",": "},{", ":x": 1}, {",": "},{", ":x": 2}]


def test_it_refuses_a_structure_that_json_cannot_hold() -> None:
    with pytest.raises(RenderFailed, match="JSON can't hold a value"):
        value_written({Decimal(1): 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("-Infinity"), Decimal("sNaN")])
def test_it_writes_null_for_what_is_no_number_and_counts_it(value: object) -> None:
    assert value_written(value) == (None, Written(1, (f"{NOT_FINITE}: 1 cell.",)))


def test_it_finds_nan_inside_structures() -> None:
    assert value_written({"a": [1.5, float("nan")]}, FIELDS) == (
        {"a": [1.5, None]},
        Written(1, (f"{NOT_FINITE}: 1 cell.",)),
    )


def test_it_replaces_half_a_surrogate_pair_and_counts_it() -> None:
    assert value_written("a\ud800b") == ("a\ufffdb", Written(1, (f"{REPLACED}: 1 cell.",)))


def test_it_embeds_valid_json_text_of_json_columns_digit_by_digit() -> None:
    text = '{"price": 1.10,\n "big": 123456789012345678901234567890}'
    data, _ = export(NdjsonExporter(), FIELDS, [[text]])
    assert len(data.splitlines()) == 1
    assert json.loads(data, parse_float=Decimal)["v"] == {
        "price": Decimal("1.10"),
        "big": 123456789012345678901234567890,
    }
    assert b"1.10" in data


@pytest.mark.parametrize("text", ["{broken", "NaN", "", "plain"])
def test_it_keeps_other_text_of_json_columns_as_text(text: str) -> None:
    assert value_written(text, FIELDS)[0] == text


def test_it_leaves_json_text_of_text_columns_alone() -> None:
    assert value_written('{"a": 1}')[0] == '{"a": 1}'


@pytest.mark.parametrize("exporter", [JsonExporter(), NdjsonExporter()])
def test_it_refuses_two_columns_with_one_key(exporter: JsonExporter | NdjsonExporter) -> None:
    with pytest.raises(RenderFailed, match="one key: id"):
        export(exporter, [COLUMNS[0], COLUMNS[0]], [])


@given(st.lists(st.tuples(st.integers(), st.text()), max_size=8))
def test_it_gives_a_reader_what_it_was_given(rows: list[tuple[int, str]]) -> None:
    data, _ = export(JsonExporter(), COLUMNS, rows)
    assert [(int(row["id"]), row["name"]) for row in json.loads(data)] == rows


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_it_gives_a_reader_every_digit_of_a_decimal(number: Decimal) -> None:
    assert Decimal(value_written(number)[0]) == number


@pytest.mark.parametrize("exporter", [JsonExporter(), NdjsonExporter()])
def test_it_holds_one_batch_in_memory(exporter: JsonExporter | NdjsonExporter) -> None:
    rows = ([i, "x" * 100] for i in range(200_000))
    sink = Nowhere()
    tracemalloc.start()
    try:
        written = exporter.write(batches(rows, 1000), COLUMNS, cast(BinaryIO, sink), DOCUMENT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.rows == 200_000
    assert peak < 6_000_000
