"""What is compared must be all that the pages show, row by row."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.stage.pages import COLUMNS, DOCUMENT, row, verify
from portal.exporters.as_pdf import PdfExporter


def written(folder: Path, rows: list[tuple[Any, ...]]) -> Path:
    path = folder / "found.pdf"
    with path.open("wb") as out:
        PdfExporter().write([rows], COLUMNS, out, DOCUMENT)
    return path


def test_it_accepts_the_rows(tmp_path: Path) -> None:
    verify(written(tmp_path, [row(0), row(1), row(2)]), 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([row(0), row(1)], "does not hold AC-000002", id="one is missing"),
        pytest.param([row(0), row(2), row(1)], "does not hold AC-000002", id="two are exchanged"),
        pytest.param([row(0), row(1), row(1), row(2)], "holds 4 rows", id="one is doubled"),
        pytest.param([row(0), row(1), (*row(2)[:-1], 77)], "does not hold AC-000002", id="the last cell"),
    ],
)
def test_it_sees_other_rows(tmp_path: Path, rows: list[tuple[Any, ...]], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        verify(written(tmp_path, rows), 3)
