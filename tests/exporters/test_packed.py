"""Packed files: what is inside is what would have been written without."""

import gzip
import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import cast

import pytest

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Exporter
from portal.exporters.options import Packing
from portal.exporters.packed import Packed, safe_name
from portal.table import Column
from tests.exporters.shared import export

COLUMNS = [Column("id", "Id"), Column("name", "Name")]
ROWS = [[i, f"Fälle {i}"] for i in range(1000)]


@pytest.mark.parametrize("inner", [CsvExporter(), XlsxExporter()], ids=["csv", "xlsx"])
@pytest.mark.parametrize("packing", [Packing.ZIP, Packing.GZIP])
def test_it_holds_the_very_file(inner: Exporter, packing: Packing) -> None:
    plain, unpacked = export(inner, COLUMNS, ROWS)

    data, written = export(Packed(inner, packing, f"cases.{inner.extension}"), COLUMNS, ROWS)

    assert written == unpacked
    if packing is Packing.GZIP:
        assert gzip.decompress(data) == plain
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [f"cases.{inner.extension}"]
            assert archive.read(archive.namelist()[0]) == plain


def test_its_name_says_what_is_inside() -> None:
    zipped, gzipped = (Packed(CsvExporter(), one, "cases.csv") for one in (Packing.ZIP, Packing.GZIP))

    assert (zipped.extension, zipped.media_type) == ("zip", "application/zip")
    assert (gzipped.extension, gzipped.media_type) == ("csv.gz", "application/gzip")


def test_it_opens_with_another_program_and_keeps_the_date(tmp_path: Path) -> None:
    data, _ = export(Packed(CsvExporter(), Packing.ZIP, "Fälle 案件.csv"), COLUMNS, ROWS)
    (tmp_path / "cases.zip").write_bytes(data)

    with zipfile.ZipFile(tmp_path / "cases.zip") as archive:
        (member,) = archive.infolist()
        assert member.date_time == (2025, 3, 9, 8, 30, 0), "the document's, in its zone"
        assert member.filename == "Fälle 案件.csv"

    jar = cast(str, shutil.which("bsdtar") or shutil.which("unzip") or shutil.which("python3"))
    commands = {
        "bsdtar": [jar, "-xf", "cases.zip"],
        "unzip": [jar, "-q", "cases.zip"],
        "python3": [jar, "-m", "zipfile", "-e", "cases.zip", "."],
    }
    subprocess.run(commands[Path(jar).name], cwd=tmp_path, check=True)
    assert (tmp_path / "Fälle 案件.csv").read_bytes() == export(CsvExporter(), COLUMNS, ROWS)[0]


def test_gzip_keeps_no_name_and_no_time() -> None:
    data, _ = export(Packed(CsvExporter(), Packing.GZIP, "secret plan.csv"), COLUMNS, ROWS)

    assert data[:4] == b"\x1f\x8b\x08\x00", "RFC 1952: no flag, so no name"
    assert data[4:8] == b"\0\0\0\0"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("cases.csv", "cases.csv"),
        ("../../etc/passwd", "etc-passwd"),
        ("/root/x.csv", "root-x.csv"),
        ("C:\\Windows\\x.csv", "C-Windows-x.csv"),
        (".hidden", "hidden"),
        ("-rf.csv", "rf.csv"),
        ("a\0b\nc.csv", "a-b-c.csv"),
        ("evil\u202evsc.exe", "evil-vsc.exe"),
        ("half \ud800.csv", "half -.csv"),
        ("…", "…"),
        ("///", "export"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
        ("ä" * 300 + ".csv", "ä" * 98 + ".csv"),
    ],
)
def test_it_makes_names_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe
