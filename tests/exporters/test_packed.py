"""Packed files: what is inside is what would have been written without."""

import gzip
import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter
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


# What schedules and files are called, and what attackers would call them.
NAMES = (
    st.text()
    | st.text("ab.. -/\\:*\0\n\x7f\x9f~\u202e\u2028\ud800é🙂", min_size=1)
    | st.text("é.x", max_size=400)
)
ANY_ROWS = st.lists(st.tuples(st.integers() | st.none(), st.text() | st.none()), max_size=20)

# Microsoft, "Naming Files, Paths, and Namespaces": these are devices whatever follows the first dot.
DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
)


@given(NAMES)
@example("C:")
@example("\\\\server\\share\\x.csv")
@example("..\\..\\x.csv")
@example("x.\0" * 400)
@example("x." + "y" * 400)
def test_any_name_becomes_one_that_every_system_takes(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 200
    assert not set(safe) & {*'<>:"/\\|?*', *map(chr, range(32)), *map(chr, range(127, 160))}
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", safe), "no reversed extension"
    assert safe[0] not in ".- ", "neither hidden nor an option"
    assert safe_name(safe).rstrip(". ") == safe.rstrip(". "), "safe names stay"


@given(ANY_ROWS, NAMES)
def test_a_zip_gives_back_the_very_bytes_under_one_safe_name(
    rows: list[tuple[object, object]], name: str
) -> None:
    plain, unpacked = export(JsonExporter(), COLUMNS, rows)
    data, written = export(Packed(JsonExporter(), Packing.ZIP, name), COLUMNS, rows)

    assert written == unpacked
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [safe_name(name)]
        assert archive.read(safe_name(name)) == plain


@given(ANY_ROWS, NAMES)
def test_gzip_gives_back_the_very_bytes_under_no_name(rows: list[tuple[object, object]], name: str) -> None:
    plain, unpacked = export(JsonExporter(), COLUMNS, rows)
    data, written = export(Packed(JsonExporter(), Packing.GZIP, name), COLUMNS, rows)

    assert written == unpacked
    assert data[:8] == b"\x1f\x8b\x08\0\0\0\0\0", "RFC 1952: no flag and no time"
    assert gzip.decompress(data) == plain


@settings(max_examples=25)
@given(ANY_ROWS, NAMES)
def test_it_is_unpacked_below_the_folder_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, object]], name: str
) -> None:
    folder = tmp_path_factory.mktemp("unpacked")
    plain, _ = export(CsvExporter(), COLUMNS, rows)
    data, _ = export(Packed(CsvExporter(), Packing.ZIP, name), COLUMNS, rows)

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)

    # zipfile mends names that lead elsewhere; ours need no mending.
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == [safe_name(name)]
    assert (folder / safe_name(name)).read_bytes() == plain


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs unzip")
@settings(max_examples=25)
@given(ANY_ROWS, NAMES)
def test_unzip_gives_back_the_very_bytes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, object]], name: str
) -> None:
    archive = tmp_path_factory.mktemp("zip") / "cases.zip"
    archive.write_bytes(export(Packed(CsvExporter(), Packing.ZIP, name), COLUMNS, rows)[0])

    done = subprocess.run(["unzip", "-p", archive], capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (export(CsvExporter(), COLUMNS, rows)[0], b"")


@pytest.mark.skipif(not shutil.which("gzip"), reason="needs gzip")
@settings(max_examples=25)
@given(ANY_ROWS, NAMES)
def test_gunzip_gives_back_the_very_bytes(rows: list[tuple[object, object]], name: str) -> None:
    data, _ = export(Packed(CsvExporter(), Packing.GZIP, name), COLUMNS, rows)

    done = subprocess.run(["gzip", "-dc"], input=data, capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (export(CsvExporter(), COLUMNS, rows)[0], b"")


@pytest.mark.parametrize(
    "name", ["CON", "nul.csv", "Aux.tar.gz", "COM1.csv", "lpt³.csv", "PRN .csv", "conin$.csv"]
)
def test_it_makes_no_name_of_a_device(name: str) -> None:
    assert not DEVICE.fullmatch(safe_name(name))


@pytest.mark.parametrize("name", ["x" * 199 + "." + "y" * 300, "x" * 199 + " " + "y" * 20])
def test_a_name_cut_short_ends_with_neither_dot_nor_blank(name: str) -> None:
    assert safe_name(name)[-1] not in ". "
