import io
import re
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from python_calamine import CalamineWorkbook

from portal.errors import LimitExceeded
from portal.exporters import xlsx_zip
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document, Written
from portal.exporters.options import XlsxSize
from portal.exporters.xlsx_cells import CUT, FAR_DATE, FINE_TIME, LONG_NUMBER, NOT_FINITE, OLD_DATE
from portal.table import Column, ColumnType, Zone
from portal.tally import REPLACED, WITHOUT_ZONE
from tests.exporters.shared import DOCUMENT, Nowhere, batches, export

CASES = [
    Column("id", "Id", ColumnType.INTEGER),
    Column("name", "Name"),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("opened", "Opened", ColumnType.DATE),
    Column("changed", "Changed", ColumnType.DATETIME),
    Column("open", "Open", ColumnType.BOOLEAN),
]
ROW = [7, "Zoë", Decimal("1234.50"), date(2025, 3, 9), datetime.fromisoformat("2025-03-09T13:45:30"), True]
VALUE = [Column("v", "V")]

# What XML can hold and Excel does not read as an escape; both readers agree on it.
PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\ufffe", "\uffff"]),
    min_size=1,
).filter(lambda text: not re.search("_x[0-9A-Fa-f]{4}_", text))


def opened(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def cell_written(value: Any, column: Column = VALUE[0]) -> tuple[Any, Written]:
    data, written = export(XlsxExporter(), [column], [[value]])
    return opened(data).worksheets[0]["A2"], written


def seen_by_calamine(data: bytes, sheet: int = 0) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(sheet).to_python()


def test_it_gives_openpyxl_the_values_it_was_given() -> None:
    data, written = export(XlsxExporter(), CASES, [ROW])
    header, row = opened(data).worksheets[0].iter_rows(values_only=True)
    assert header == ("Id", "Name", "Amount", "Opened", "Changed (Europe/Berlin)", "Open")
    assert row == (7, "Zoë", 1234.5, datetime.fromisoformat("2025-03-09"), ROW[4], True)
    assert written == Written(1, (f"{WITHOUT_ZONE}: 1 cell.",))


def test_it_gives_calamine_the_values_it_was_given() -> None:
    data, _ = export(XlsxExporter(), CASES, [ROW])
    assert seen_by_calamine(data)[1] == [7, "Zoë", 1234.5, date(2025, 3, 9), ROW[4], True]


def test_it_gives_a_reader_that_streams_all_rows() -> None:
    data, _ = export(XlsxExporter(), CASES, [ROW] * 5)
    sheet = load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["Id", 7, 7, 7, 7, 7]


def test_it_looks_like_a_finished_workbook() -> None:
    data, _ = export(XlsxExporter(), [*CASES, Column("note", "Note", width=40)], [[*ROW, "x"]] * 2)
    sheet = opened(data).worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G3"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet["A1"].font.b is True
    assert sheet["A1"].fill.fgColor.rgb == "000B6075"
    assert sheet.column_dimensions["G"].width == 40
    assert [sheet.cell(2, i).number_format for i in range(1, 6)] == [
        "0",
        "@",
        "#,##0.00",
        "yyyy-mm-dd",
        "yyyy-mm-dd hh:mm:ss",
    ]


def test_it_takes_the_number_format_a_column_declares() -> None:
    cell, _ = cell_written(0.25, Column("share", "Share", ColumnType.PERCENTAGE, format="0.00%"))
    assert (cell.value, cell.number_format) == (0.25, "0.00%")


def test_it_names_itself_in_the_document_properties() -> None:
    data, _ = export(XlsxExporter(), VALUE, [])
    properties = opened(data).properties
    assert (properties.title, properties.creator) == ("Open cases", "Acme Co.")
    assert properties.created == datetime.fromisoformat("2025-03-09T07:30:00")


def test_it_tells_about_itself_on_the_last_sheet() -> None:
    data, _ = export(XlsxExporter(), VALUE, [["x"]] * 4)
    workbook = opened(data)
    assert workbook.sheetnames == ["Open cases", "About"]
    about = {row[0]: row[1] for row in workbook["About"].iter_rows(values_only=True) if row[0]}
    assert about == {
        "Open cases": None,
        "Organization": "Acme Co.",
        "Generated": "2025-03-09 08:30:00 (Europe/Berlin)",
        "Time zone": "Times with a zone are shown in Europe/Berlin.",
        "Period": "February 2025",
        "Owner": "Łukasz Kowalski",
        "Rows": "4",
    }


def test_it_writes_the_header_when_there_are_no_rows() -> None:
    data, written = export(XlsxExporter(), CASES, [])
    assert [list(row) for row in opened(data).worksheets[0].iter_rows(values_only=True)] == [
        ["Id", "Name", "Amount", "Opened", "Changed (Europe/Berlin)", "Open"]
    ]
    assert written == Written(0)


def test_it_leaves_null_empty_and_keeps_the_empty_text() -> None:
    data, _ = export(XlsxExporter(), [*VALUE, *VALUE, *VALUE], [[None, "", 1]])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert 'r="A2"' not in sheet
    assert re.search(r'r="B2"[^>]* t="inlineStr"><is><t[^>]*></t>', sheet)


@pytest.mark.parametrize(
    "text", ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "#N/A", "#REF!", "TRUE", "1"]
)
def test_it_keeps_text_text_and_never_a_formula_or_an_error(text: str) -> None:
    cell, written = cell_written(text)
    assert (cell.value, cell.data_type) == (text, "s")
    data, _ = export(XlsxExporter(), VALUE, [[text]])
    assert seen_by_calamine(data)[1] == [text]
    assert written.notes == ()


def test_it_keeps_formulas_out_of_labels_titles_and_facts() -> None:
    document = Document("=1+1", "=2+2", DOCUMENT.generated_at, "UTC", (("=3+3", "=4+4"),))
    data, _ = export(XlsxExporter(), [Column("x", "=5+5")], [], document)
    cells = [cell for sheet in opened(data) for row in sheet.iter_rows() for cell in row if cell.value]
    assert {"=1+1", "=2+2", "=3+3", "=4+4", "=5+5"} <= {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"s"}


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


def test_it_continues_on_further_sheets_and_says_so() -> None:
    data, written = export(XlsxExporter(sheet_rows=10), [CASES[0]], [[i] for i in range(25)])
    workbook = opened(data)
    assert workbook.sheetnames == ["Open cases", "Open cases 2", "Open cases 3", "About"]
    read = [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in workbook.worksheets[:3]]
    assert read == [["Id", *range(10)], ["Id", *range(10, 20)], ["Id", *range(20, 25)]]
    assert [sheet.auto_filter.ref for sheet in workbook.worksheets[:3]] == ["A1:A11", "A1:A11", "A1:A6"]
    assert written.rows == 25
    assert written.notes == (
        "The rows stand on 3 sheets, 'Open cases' and following, because a sheet holds 10 rows.",
    )
    about = [row[1] for row in workbook["About"].iter_rows(values_only=True)]
    assert "Open cases: 10 rows; Open cases 2: 10 rows; Open cases 3: 5 rows" in about
    assert written.notes[0] in about


def test_it_needs_no_further_sheet_for_rows_that_just_fit() -> None:
    data, written = export(XlsxExporter(sheet_rows=10), [CASES[0]], [[i] for i in range(10)])
    assert opened(data).sheetnames == ["Open cases", "About"]
    assert written == Written(10)


def test_it_refuses_more_columns_than_a_sheet_has() -> None:
    with pytest.raises(LimitExceeded, match="16,384"):
        export(XlsxExporter(), VALUE * 16_385, [])


def test_it_ends_a_sheet_before_its_part_gets_too_large_and_says_so() -> None:
    data, written = export(XlsxExporter(sheet_bytes=1000), VALUE, [["x" * 400]] * 7)
    workbook = opened(data)
    assert [sheet.max_row - 1 for sheet in workbook.worksheets[:-1]] == [3, 3, 1]
    assert written.notes == (
        "The rows stand on 3 sheets, 'Open cases' and following, because a sheet holds 1,048,575 rows or"
        " 0.00 GiB.",
    )


def test_it_shows_each_column_in_its_zone_and_says_so() -> None:
    columns = [
        Column("a", "Opened", ColumnType.DATETIME),
        Column("b", "Logged", ColumnType.DATETIME, zone=Zone.UTC),
    ]
    moment = datetime(2025, 7, 1, 12, tzinfo=UTC)
    data, written = export(XlsxExporter(), columns, [[moment, moment]])
    workbook = opened(data)
    assert list(workbook.worksheets[0].iter_rows(values_only=True)) == [
        ("Opened (Europe/Berlin)", "Logged (UTC)"),
        (datetime.fromisoformat("2025-07-01T14:00:00"), datetime.fromisoformat("2025-07-01T12:00:00")),
    ]
    about = {row[0]: row[1] for row in workbook["About"].iter_rows(values_only=True)}
    assert about["Time zone"] == "Times with a zone are shown in Europe/Berlin, those of Logged in UTC."
    assert written.notes == ()


def test_it_keeps_times_that_leave_the_calendar_in_their_zone_and_counts_them() -> None:
    cell, written = cell_written(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), CASES[4])
    assert (cell.value, written.notes) == ("9999-12-31 23:59:59+00:00", (f"{FAR_DATE}: 1 cell.",))


def test_it_packs_small_or_fast() -> None:
    rows = [[i, f"Case {i * i % 9973}", Decimal(i * 37 % 1001), None, None, i % 3 == 0] for i in range(3000)]
    small, _ = export(XlsxExporter(XlsxSize.SMALL), CASES, rows)
    fast, _ = export(XlsxExporter(XlsxSize.FAST), CASES, rows)
    assert len(small) < 0.95 * len(fast)
    assert seen_by_calamine(small) == seen_by_calamine(fast)


WITHOUT_ISAL = """
import sys
sys.modules["isal"] = None  # so importing it fails
from portal.exporters import xlsx_zip
from portal.exporters import xlsx_zip
from portal.exporters.as_xlsx import XlsxExporter
from tests.exporters.shared import DOCUMENT
from portal.table import Column
assert not xlsx_zip.HAS_ISAL
XlsxExporter().write([[["x", "y"]]], [Column("a", "A"), Column("b", "B")], sys.stdout.buffer, DOCUMENT)
"""


def test_it_does_without_isal() -> None:
    command = [sys.executable, "-c", WITHOUT_ISAL]
    result = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert seen_by_calamine(result.stdout) == [["A", "B"], ["x", "y"]]


def test_it_uses_isal_where_it_is_installed() -> None:
    assert xlsx_zip.HAS_ISAL


def test_it_holds_one_batch_in_memory() -> None:
    def peak(count: int) -> int:
        rows = ([i, "x" * 100, Decimal(i), None, None, True] for i in range(count))
        tracemalloc.start()
        try:
            sink = cast(BinaryIO, Nowhere())
            written = XlsxExporter().write(batches(rows, 1000), CASES, sink, DOCUMENT)
            assert written.rows == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1000)  # what is imported or kept on first use
    assert peak(200_000) < min(8_000_000, 1.5 * peak(4000))
