"""What a sheet and a file can hold: rows go on with further sheets, more is refused."""

from typing import BinaryIO, cast

import pytest

from portal.errors import LimitExceeded
from portal.exporters import as_xlsx
from portal.exporters.as_xlsx import MAX_ROWS, XlsxExporter
from portal.exporters.base import Written
from tests.exporters.shared import DOCUMENT, Nowhere, export
from tests.exporters.workbooks import CASES, VALUE, opened


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


class Inflating:
    """Packs whatever it gets into 256 MiB, which stand for gigabytes of data that does not pack well."""

    _PACKED = bytes(2**28)  # the kernel's page of zeros, so it takes no memory

    def compress(self, _data: bytes) -> bytes:
        return self._PACKED

    def flush(self) -> bytes:
        return b""


@pytest.mark.parametrize("sheet_rows", [1, MAX_ROWS], ids=["many sheets", "one sheet"])
def test_it_refuses_a_file_that_passes_four_gigabytes(
    monkeypatch: pytest.MonkeyPatch, sheet_rows: int
) -> None:
    monkeypatch.setattr(as_xlsx, "compressor", lambda _size: Inflating)
    out = Nowhere()
    rows = ([[number]] for number in range(30))

    with pytest.raises(LimitExceeded, match=r"larger than an XLSX file can be \(4 GiB\)\."):
        XlsxExporter(sheet_rows=sheet_rows).write(rows, VALUE, cast(BinaryIO, out), DOCUMENT)

    assert 3 * 2**30 < out.size < 5 * 2**30, "a part may begin within four and end beyond"
