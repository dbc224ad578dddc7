"""The benchmark of PDF must run, compare files that hold the same rows, and see when they do not."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import pdf

SCRIPT = Path(pdf.__file__)


def test_it_compares_both_at_a_small_size() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "12", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=SCRIPT.parents[1])
    head, line = done.stdout.splitlines()
    values = dict(zip(head.split(), line.split(), strict=False))
    assert values["name"] == "pdf-12/xhtml2pdf"
    assert float(values["ours_cpu"]) > 0
    assert float(values["peer_cpu"]) > 0
    assert int(values["ours_bytes"]) > 10_000


def test_it_sees_a_row_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "ours.pdf"
    pdf.write_ours(path, 3)
    pdf.verify(path, 3)
    with pytest.raises(AssertionError, match="does not hold the rows"):
        pdf.verify(path, 4)
