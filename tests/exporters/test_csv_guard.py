"""A spreadsheet that opens our CSV runs nothing, and still takes numbers for numbers."""

import os
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from portal.exporters.as_csv import CsvExporter
from portal.exporters.options import CsvOptions, Delimiter, Encoding, Quoting
from portal.table import Column
from tests.exporters.shared import export

SOFFICE = shutil.which("soffice")
UTF_8, UTF_16, WINDOWS_1252 = 76, 65535, 1
"""LibreOffice's numbers of character sets ("Filter Options for CSV")."""

TEXTS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1/","x")',
    "  =1+1",
    "\t=1+1",
    "\n=1+1",
    "@SUM(1)",
    "-1+2",
    '"=1+1"',
    "a;=1+1",
    "a\t=1+1",
    "a,=1+1",
    "{=1+1}",
]
ROWS: list[list[Any]] = [[text, -5, Decimal("-1.5"), date(2025, 1, 2), text] for text in TEXTS]
COLUMNS = [Column("a", "=1+1"), Column("b", "B"), Column("c", "C"), Column("d", "D"), Column("e", "@SUM(1)")]

pytestmark = pytest.mark.skipif(
    SOFFICE is None and os.environ.get("PORTAL_REQUIRE_OFFICE") != "1",
    reason="no LibreOffice on this machine",
)


def opened(data: bytes, separators: str, charset: int, folder: Path) -> list[list[Any]]:
    """Return the cells that LibreOffice makes of a CSV file when it is asked to evaluate formulas."""
    assert SOFFICE, "PORTAL_REQUIRE_OFFICE=1, and there is no LibreOffice"
    (folder / "cases.csv").write_bytes(data)
    evaluated = f"CSV:{separators},34,{charset},1,,1033,false,true,false"
    command = [
        SOFFICE,
        f"-env:UserInstallation=file://{folder}/profile",
        "--headless",
        f"--infilter={evaluated}",
    ]
    command += ["--convert-to", "xlsx", "--outdir", str(folder), str(folder / "cases.csv")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return [list(row) for row in load_workbook(folder / "cases.xlsx").worksheets[0].iter_rows()]


def test_this_test_would_see_a_formula(tmp_path: Path) -> None:
    ((cell,),) = opened(b"=1+1\r\n", "44", UTF_8, tmp_path)
    assert cell.data_type == "f"


@pytest.mark.parametrize(
    ("options", "separators", "charset"),
    [
        (CsvOptions(), "44", UTF_8),
        (CsvOptions(Delimiter.SEMICOLON, quoting=Quoting.TEXT), "59", UTF_8),
        (CsvOptions(Delimiter.TAB, Encoding.UTF_16), "9", UTF_16),
        (CsvOptions(Delimiter.COMMA, Encoding.WINDOWS_1252, quoting=Quoting.ALL), "44", WINDOWS_1252),
        # what the import dialog begins with: any of them parts fields
        (CsvOptions(), "44/59/9", UTF_8),
        (CsvOptions(Delimiter.SEMICOLON), "44/59/9", UTF_8),
    ],
    ids=["default", "semicolon", "tab", "all quoted", "comma, any parts", "semicolon, any parts"],
)
def test_it_runs_nothing_and_reads_numbers(
    options: CsvOptions, separators: str, charset: int, tmp_path: Path
) -> None:
    data, _ = export(CsvExporter(options), COLUMNS, ROWS)

    head, *body = opened(data, separators, charset, tmp_path)

    assert [cell.value for cell in head] == ["'=1+1", "B", "C", "D", "'@SUM(1)"]
    assert [cell.value for row in body for cell in row if cell.data_type == "f"] == []
    assert [[row[1].value, row[2].value] for row in body] == [[-5, -1.5]] * len(ROWS)
    assert len(body) == len(ROWS)
