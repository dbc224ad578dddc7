"""Values as cells: real numbers, dates and text, and nothing altered without being counted."""

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.xlsx_cells import CUT, FAR_DATE, FINE_TIME, LONG_NUMBER, NOT_FINITE, OLD_DATE
from portal.table import Column, ColumnType
from portal.tally import REPLACED
from tests.exporters.shared import export
from tests.exporters.workbooks import CASES, VALUE, cell_written, opened, seen_by_calamine

# What XML can hold and Excel does not read as an escape; both readers agree on it.
PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\ufffe", "\uffff"]),
    min_size=1,
).filter(lambda text: not re.search("_x[0-9A-Fa-f]{4}_", text))


@pytest.mark.parametrize(
    "text", ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "#N/A", "#REF!", "TRUE", "1"]
)
def test_it_keeps_text_text_and_never_a_formula_or_an_error(text: str) -> None:
    cell, written = cell_written(text)
    assert (cell.value, cell.data_type) == (text, "s")
    data, _ = export(XlsxExporter(), VALUE, [[text]])
    assert seen_by_calamine(data)[1] == [text]
    assert written.notes == ()


def test_it_takes_the_number_format_a_column_declares() -> None:
    cell, _ = cell_written(0.25, Column("share", "Share", ColumnType.PERCENTAGE, format="0.00%"))
    assert (cell.value, cell.number_format) == (0.25, "0.00%")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (999_999_999_999_999, 999_999_999_999_999),
        (-(10**15), "-1000000000000000"),
        (12345678901234567890, "12345678901234567890"),
        (Decimal("0.123456789012345"), 0.123456789012345),
        (Decimal("1234567890123456.7"), "1234567890123456.7"),
        (Decimal("1E+20"), 1e20),
        (Decimal("0.10000000000000000000"), 0.1),
        (Decimal("1E+400"), "1" + "0" * 400),
    ],
)
def test_it_keeps_numbers_excel_would_round_as_text_and_counts_them(value: object, shown: object) -> None:
    cell, written = cell_written(value, Column("n", "N", ColumnType.DECIMAL))
    assert cell.value == shown
    assert written.notes == ((f"{LONG_NUMBER}: 1 cell.",) if isinstance(shown, str) else ())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(float("nan"), "NaN"), (float("-inf"), "-Infinity"), (Decimal("NaN"), "NaN")],
)
def test_it_keeps_what_is_no_number_as_text_and_counts_it(value: object, shown: str) -> None:
    cell, written = cell_written(value)
    assert (cell.value, cell.data_type, written.notes) == (shown, "s", (f"{NOT_FINITE}: 1 cell.",))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (date(1900, 2, 28), "1900-02-28"),
        (datetime.fromisoformat("1899-12-31T10:00:00+01:00"), "1899-12-31 10:00:00"),
    ],
)
def test_it_keeps_dates_excel_counts_wrongly_as_text_and_counts_them(value: object, shown: str) -> None:
    cell, written = cell_written(value)
    assert (cell.value, written.notes) == (shown, (f"{OLD_DATE}: 1 cell.",))


def test_it_knows_the_first_day_excel_counts_rightly() -> None:
    cell, _ = cell_written(date(1900, 3, 1))
    assert cell.value == datetime.fromisoformat("1900-03-01")


def test_it_shows_an_instant_in_the_zone_of_the_document() -> None:
    cell, written = cell_written(datetime(2025, 7, 1, 12, tzinfo=UTC), CASES[4])
    assert cell.value == datetime.fromisoformat("2025-07-01T14:00:00")
    assert written.notes == ()


def test_it_keeps_times_that_leave_the_calendar_in_their_zone_and_counts_them() -> None:
    cell, written = cell_written(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), CASES[4])
    assert (cell.value, written.notes) == ("9999-12-31 23:59:59+00:00", (f"{FAR_DATE}: 1 cell.",))


def test_it_cuts_microseconds_and_counts_them() -> None:
    cell, written = cell_written(datetime.fromisoformat("2025-07-01T10:00:00.250999Z"))
    assert cell.value == datetime.fromisoformat("2025-07-01T12:00:00.250")
    assert written.notes == (f"{FINE_TIME}: 1 cell.",)


def test_it_never_shows_a_second_too_early() -> None:
    midnight = datetime.fromisoformat("2025-01-01")
    seconds = [midnight + timedelta(seconds=s) for s in range(1, 86_400, 7)]
    data, _ = export(XlsxExporter(), [CASES[4]], [[moment] for moment in seconds])
    assert [row[0] for row in seen_by_calamine(data)[1:]] == seconds
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        serials = re.findall(rb"<v>(\d+\.?\d*)</v>", archive.read("xl/worksheets/sheet1.xml"))
    # A reader that truncates, as LibreOffice does, must find the second reached.
    assert [Decimal(s.decode()) % 1 * 86_400 // 1 for s in serials] == list(range(1, 86_400, 7))


def test_it_cuts_text_no_cell_can_hold_with_a_mark_and_counts_it() -> None:
    cell, written = cell_written("x" * 40_000)
    assert len(cell.value) == 32_767
    assert cell.value.endswith("x … [cut: 40,000 characters in all]")
    assert written.notes == (f"{CUT}: 1 cell.",)


@pytest.mark.parametrize("text", ["x" * 32_767, "🙂" * 16_383, "x" + "🙂" * 16_383])
def test_it_keeps_text_a_cell_can_just_hold(text: str) -> None:
    cell, written = cell_written(text)
    assert (cell.value == text, written.notes) == (True, ())


def test_it_counts_text_in_the_units_of_excel() -> None:
    cell, written = cell_written("🙂" * 16_384)
    assert len(cell.value.encode("utf-16-le")) // 2 <= 32_767
    assert "\ufffd" not in cell.value
    assert written.notes == (f"{CUT}: 1 cell.",)


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_it_replaces_what_xml_cannot_hold_and_counts_it(character: str) -> None:
    cell, written = cell_written(f"a{character}b")
    assert (cell.value, written.notes) == ("a\ufffdb", (f"{REPLACED}: 1 cell.",))


@pytest.mark.parametrize(
    "text", [" a ", "\ta", "a\nb", "a\r\nb", "a\rb", "&amp; <b> ]]>", "\u00a0x", '"q"', "\x85"]
)
def test_it_keeps_every_blank_and_sign(text: str) -> None:
    cell, _ = cell_written(text)
    assert cell.value == text
    data, _ = export(XlsxExporter(), VALUE, [[text]])
    assert seen_by_calamine(data)[1] == [text]


def test_it_escapes_text_that_looks_like_an_escape() -> None:
    data, _ = export(XlsxExporter(), VALUE, [["_x0041_ and _x00e9_x"]])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"_x005F_x0041_ and _x005F_x00e9_x" in sheet


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=1), min_size=1, max_size=5))
def test_it_gives_readers_the_text_they_were_given(rows: list[list[str]]) -> None:
    data, _ = export(XlsxExporter(), VALUE, rows)
    assert [row[0] for row in seen_by_calamine(data)[1:]] == [row[0] for row in rows]
    assert [row[0] for row in opened(data).worksheets[0].iter_rows(2, values_only=True)] == [
        r[0] for r in rows
    ]


@given(
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.floats(allow_nan=False, allow_infinity=False)
)
def test_it_gives_readers_the_number_they_were_given(number: int | Decimal | float) -> None:
    cell, _ = cell_written(number)
    if isinstance(cell.value, str):
        assert type(number)(cell.value) == number
    else:
        assert cell.value == (float(number) if isinstance(number, Decimal) else number)
        assert not isinstance(number, Decimal) or Decimal(repr(float(cell.value))) == number


@given(st.datetimes(datetime.fromisoformat("1900-03-01"), datetime.fromisoformat("9999-12-31")))
def test_it_gives_readers_the_moment_they_were_given(moment: datetime) -> None:
    cell, _ = cell_written(moment)
    assert cell.value == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
