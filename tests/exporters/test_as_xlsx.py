"""A workbook as a whole: its rows, its looks, what it says about itself."""

import io
import re
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO, cast

from openpyxl import load_workbook

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Document, Written
from portal.table import Column, ColumnType, Zone
from portal.tally import WITHOUT_ZONE
from tests.exporters.shared import DOCUMENT, Nowhere, batches, export
from tests.exporters.workbooks import CASES, ROW, VALUE, opened, seen_by_calamine


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


def test_an_export_of_no_organization_names_none() -> None:
    data, _ = export(XlsxExporter(), VALUE, [], replace(DOCUMENT, organization=""))
    assert "Organization" not in [row[0] for row in opened(data)["About"].iter_rows(values_only=True)]


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


def test_it_keeps_formulas_out_of_labels_titles_and_facts() -> None:
    document = Document("=1+1", "=2+2", DOCUMENT.generated_at, "UTC", (("=3+3", "=4+4"),))
    data, _ = export(XlsxExporter(), [Column("x", "=5+5")], [], document)
    cells = [cell for sheet in opened(data) for row in sheet.iter_rows() for cell in row if cell.value]
    assert {"=1+1", "=2+2", "=3+3", "=4+4", "=5+5"} <= {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"s"}


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
