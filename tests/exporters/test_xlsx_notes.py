"""What a workbook says was changed on the way into it: in the run's notes, and on its sheet "About"."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, cast

from openpyxl import load_workbook

from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.xlsx_cells import CUT
from portal.table import Column, ColumnType
from portal.tally import REPEATED_HOUR, REPLACED, Tally
from tests.exporters.shared import DOCUMENT, Pipe, export

OPENED = Column("opened", "Opened", ColumnType.DATETIME)
NAME = Column("name", "Name")


def about(data: bytes) -> list[tuple[object, ...]]:
    sheet = load_workbook(io.BytesIO(data))["About"]
    return [row for row in sheet.iter_rows(values_only=True) if any(row)]


def test_it_says_what_was_changed_while_reading() -> None:
    reading = Tally()
    reading.count("Bytes that are not UTF-8 became U+FFFD (�)")
    sink = Pipe()

    written = XlsxExporter().write([[["a\x01"]]], [NAME], cast(BinaryIO, sink), DOCUMENT, reading)

    assert written.notes == ("Bytes that are not UTF-8 became U+FFFD (�): 1 cell.", f"{REPLACED}: 1 cell.")
    assert about(bytes(sink.written))[-2:] == [("Note", note) for note in written.notes]


def test_it_counts_what_its_facts_lose_and_keeps_their_lines() -> None:
    document = replace(DOCUMENT, facts=(("Statuses", "open, " * 8000), ("Note\x1b", "one\ttab\nnext line")))

    data, written = export(XlsxExporter(), [NAME], [["a"]], document)

    lines = dict(about(data)[1:])
    assert written.notes == (f"{CUT}: 1 cell.", f"{REPLACED}: 1 cell.")
    assert str(lines["Statuses"]).endswith("… [cut: 48,000 characters in all]")
    assert lines["Note\ufffd"] == "one\ttab\nnext line"


def test_it_counts_the_times_that_look_like_those_an_hour_before() -> None:
    before = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)  # 02:30 in Berlin, before clocks go back
    hours = [before + timedelta(hours=passed) for passed in range(-1, 4)]

    data, written = export(XlsxExporter(), [OPENED], [[hour] for hour in hours])

    sheet = load_workbook(io.BytesIO(data)).worksheets[0]
    shown = [f"{value:%H:%M}" for (value,) in sheet.iter_rows(min_row=2, values_only=True)]
    assert shown == ["01:30", "02:30", "02:30", "03:30", "04:30"]
    assert written.notes == (f"{REPEATED_HOUR}: 1 cell.",)


def test_it_counts_them_beside_times_that_take_the_closer_look() -> None:
    second = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)

    _, written = export(XlsxExporter(), [OPENED], [[second], ["no time"], [second]])

    assert written.notes == (f"{REPEATED_HOUR}: 2 cells.",)
