"""The benchmark of the flat file, run small: it reads what it says, from either database."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "flat_file.py"


def test_it_compares_the_flat_file_with_cases_only() -> None:
    command = [sys.executable, str(SCRIPT), "--cases", "60", "--rounds", "1"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    lines = [dict(pair.split(" ") for pair in line.split("  ")) for line in printed.splitlines()]
    assert [line["name"] for line in lines] == ["flat-file-60-sqlite", "flat-file-60-postgresql"]
    for line in lines:
        assert (line["cases_columns"], line["flat_columns"]) == ("35", "66")
        assert float(line["seconds_ratio"]) > 0
        assert float(line["flat_cpu"]) > 0
