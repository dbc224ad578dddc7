"""How a workbook is packed: small or fast, with faster libraries or without."""

import subprocess
import sys
import zlib
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest

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


WITHOUT_THEM = """
import sys, zlib
sys.modules["isal"] = sys.modules["zlib_ng"] = None  # so importing them fails
from portal.exporters import xlsx_zip
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.options import XlsxSize
from portal.table import Column
from tests.exporters.shared import DOCUMENT
assert xlsx_zip.fast is xlsx_zip.small is zlib
columns = [Column("a", "A"), Column("b", "B")]
XlsxExporter(XlsxSize(sys.argv[1])).write([[["x", "y"]]], columns, sys.stdout.buffer, DOCUMENT)
"""


@pytest.mark.parametrize("size", list(XlsxSize))
def test_it_does_with_zlib_alone(size: XlsxSize) -> None:
    command = [sys.executable, "-c", WITHOUT_THEM, size]
    result = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert seen_by_calamine(result.stdout) == [["A", "B"], ["x", "y"]]


def test_it_uses_what_is_installed() -> None:
    assert (xlsx_zip.fast is zlib) == (find_spec("isal") is None)
    assert (xlsx_zip.small is zlib) == (find_spec("zlib_ng") is None)
