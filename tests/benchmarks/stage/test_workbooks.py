"""A cell of another type, hour or place must not pass for what went in."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.stage.cases import COLUMNS, DOCUMENT, KEYS, LABELS, rows
from benchmarks.stage.workbooks import verify
from portal.exporters.as_xlsx import XlsxExporter

PLACES = {key: place for place, key in enumerate(KEYS)}


def written(folder: Path, **changed: Any) -> Path:
    """Write three rows, with these values in the last one."""
    found = [list(row) for row in rows(3)]
    for key, value in changed.items():
        found[-1][PLACES[key]] = value
    path = folder / "found.xlsx"
    with path.open("wb") as out:
        XlsxExporter().write([found], COLUMNS, out, DOCUMENT)
    return path


def test_it_accepts_the_rows(tmp_path: Path) -> None:
    verify(written(tmp_path), LABELS, 3)


def test_it_sees_another_header(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the header of"):
        verify(written(tmp_path), KEYS, 3)


@pytest.mark.parametrize("as_number", [int, float])
def test_it_tells_a_boolean_from_a_number(tmp_path: Path, as_number: type) -> None:
    (*_, last) = rows(3)
    number = as_number(last[PLACES["is_confidential"]])
    with pytest.raises(AssertionError, match="row 4 of"):
        verify(written(tmp_path, is_confidential=number), LABELS, 3)


def test_it_sees_an_instant_in_another_zone(tmp_path: Path) -> None:
    (*_, last) = rows(3)
    late = last[PLACES["created_at"]] + timedelta(hours=1)
    with pytest.raises(AssertionError, match="row 4 of"):
        verify(written(tmp_path, created_at=late), LABELS, 3)
