"""How a workbook is packed: small or fast, with ISA-L or without."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from portal.exporters import xlsx_zip
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.options import XlsxSize
from tests.exporters.shared import export
from tests.exporters.workbooks import CASES, seen_by_calamine


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
