"""Figures must count all processes of a writer, and files of all rounds must be verified."""

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from benchmarks.stage.pairs import Measured, measured, medians

BUSY = "sum(range(5_000_000)); b'x' * 220_000_000"


def own_peak() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def test_it_counts_what_a_process_below_took(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    idle = measured(lambda: None, path)
    busy = measured(lambda: subprocess.run([sys.executable, "-c", BUSY], check=True), path)

    assert busy.cpu > idle.cpu
    assert busy.rss >= own_peak() + 200
    assert busy.bytes == 5


def test_it_verifies_the_file_of_each_round(tmp_path: Path) -> None:
    numbers, verified = count(1), []

    def run(_: str, path: Path) -> Measured:
        assert not path.exists(), "the file of an earlier round is left"
        number = next(numbers)
        path.write_text(str(number))
        return Measured(number, 2 * number, 1)

    paths = {"ours": tmp_path / "ours"}
    found = medians(paths, 3, run, lambda _, path: verified.append(path.read_text()))

    assert verified == ["1", "2", "3"]
    assert found == {"ours": Measured(2, 4, 1)}


def test_it_stops_at_a_file_that_is_wrong(tmp_path: Path) -> None:
    def refuse(_: str, path: Path) -> None:
        raise AssertionError(f"{path.name} is wrong")

    with pytest.raises(AssertionError, match="ours is wrong"):
        medians({"ours": tmp_path / "ours"}, 1, lambda *_: Measured(1, 1, 1), refuse)
