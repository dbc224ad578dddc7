"""A field that says something else must not pass for what went in."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.stage.cases import COLUMNS, DOCUMENT, KEYS, LABELS, rows
from benchmarks.stage.texts import CSV, JSON, Form, verify
from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter
from portal.exporters.base import Exporter
from portal.exporters.options import CsvOptions, Encoding

FORMS: list[tuple[Form, Exporter, list[str]]] = [
    (CSV, CsvExporter(CsvOptions(encoding=Encoding.UTF_8)), LABELS),
    (JSON, JsonExporter(), KEYS),
]


def written(folder: Path, exporter: Exporter, **changed: Any) -> Path:
    """Write three rows, with these values in the last one."""
    found = [dict(zip(KEYS, row, strict=True)) for row in rows(3)]
    found[-1].update(changed)
    path = folder / "found"
    with path.open("wb") as out:
        exporter.write([[list(row.values()) for row in found]], COLUMNS, out, DOCUMENT)
    return path


@pytest.mark.parametrize(("form", "exporter", "labels"), FORMS)
def test_it_accepts_the_rows(tmp_path: Path, form: Form, exporter: Exporter, labels: list[str]) -> None:
    verify(written(tmp_path, exporter), form, labels, 3)


@pytest.mark.parametrize(("form", "exporter", "labels"), FORMS)
def test_it_sees_another_header(tmp_path: Path, form: Form, exporter: Exporter, labels: list[str]) -> None:
    with pytest.raises(AssertionError, match="the header of"):
        verify(written(tmp_path, exporter), form, labels[1:], 3)


@pytest.mark.parametrize("changed", [{"is_confidential": None}, {"amount": 1}, {"case_number": None}])
@pytest.mark.parametrize(("form", "exporter", "labels"), FORMS)
def test_it_sees_another_value(
    tmp_path: Path, form: Form, exporter: Exporter, labels: list[str], changed: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError, match="row 4 of"):
        verify(written(tmp_path, exporter, **changed), form, labels, 3)
