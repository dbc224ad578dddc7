"""Copies in a folder of the server: whole, replaced at once, and never outside the organization's part."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.delivery import folder
from portal.errors import InvalidInput, StorageFailed


def put(content: bytes, into: Path, location: str = "reports/weekly", filename: str = "cases.csv") -> Path:
    digest = hashlib.sha256(content).hexdigest()
    reader = io.BufferedReader(io.BytesIO(content))
    return folder.put(reader, into, location, filename, sha256=digest, run_id="a1b2c3d4e5")


def everything(of: Path) -> list[str]:
    return sorted(str(path.relative_to(of)) for path in of.rglob("*") if path.is_file())


def test_it_copies_the_file_and_makes_the_folders(tmp_path: Path) -> None:
    acme = tmp_path / "deliveries" / "acme"

    target = put(b"id\n1\n", acme)

    assert target == acme / "reports" / "weekly" / "cases.csv"
    assert target.read_bytes() == b"id\n1\n"
    assert everything(acme) == ["reports/weekly/cases.csv"]


def test_it_writes_the_same_content_over_itself(tmp_path: Path) -> None:
    put(b"the same", tmp_path)
    put(b"the same", tmp_path)

    assert everything(tmp_path) == ["reports/weekly/cases.csv"]


def test_it_leaves_other_content_of_that_name_alone(tmp_path: Path) -> None:
    """Two schedules whose names give one file name, or a run by hand in the minute of a scheduled one."""
    first = put(b"first", tmp_path)
    second = put(b"second", tmp_path)

    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")
    assert second.name == "cases-a1b2c3.csv"


@pytest.mark.parametrize("location", ["../globex", "/etc", "link", "link/deeper", "reports/../../globex"])
def test_it_never_writes_outside_the_organizations_folder(tmp_path: Path, location: str) -> None:
    acme, outside = tmp_path / "acme", tmp_path / "outside"
    acme.mkdir()
    outside.mkdir()
    (acme / "link").symlink_to(outside)

    with pytest.raises(InvalidInput, match="leads out") as refused:
        put(b"x", acme, location)

    assert refused.value.field == "location"
    assert everything(outside) == everything(acme) == []


def test_it_replaces_no_file_that_a_link_points_to(tmp_path: Path) -> None:
    acme, secret = tmp_path / "acme", tmp_path / "secret"
    acme.mkdir()
    secret.write_text("not ours")
    (acme / "cases.csv").symlink_to(secret)

    with pytest.raises(InvalidInput):
        put(b"x", acme, ".")

    assert secret.read_text() == "not ours"


def test_it_says_what_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")

    with pytest.raises(StorageFailed, match="could not be written"):
        put(b"x", tmp_path)


FULL_DISK = """
import io, resource, sys
from pathlib import Path
from portal.delivery import folder
from portal.errors import StorageFull

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    content = io.BufferedReader(io.BytesIO(b"x" * 200_000))
    folder.put(content, Path(sys.argv[1]), "reports", "cases.csv", sha256="", run_id="a1b2c3d4e5")
except StorageFull as error:
    print(error)
"""


def test_it_leaves_the_older_copy_when_the_disk_is_full(tmp_path: Path) -> None:
    older = put(b"older", tmp_path, "reports")

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No space is left to write the file (File too large).\n"
    assert older.read_bytes() == b"older"
    assert everything(tmp_path) == ["reports/cases.csv"]
