import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "end_to_end.py"


def test_it_measures_and_verifies_both_databases() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "50", "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)

    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["name", "ours_cpu", "peer_cpu", "ratio"]
    assert [line.split()[0] for line in lines] == [
        "end-to-end-50-sqlite/openpyxl",
        "end-to-end-50-postgresql/openpyxl",
    ]
    assert all(re.fullmatch(r"\S+(\s+-?[\d.]+){7}", line) for line in lines)
