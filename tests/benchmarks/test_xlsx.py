import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "xlsx.py"


def test_it_measures_and_verifies_every_writer() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "50", "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["name", "ours_cpu", "peer_cpu", "ratio"]
    assert [line.split()[0] for line in lines] == [
        "xlsx-50-fast/openpyxl",
        "xlsx-50-fast/xlsxwriter",
        "xlsx-50-fast/rustpy",
        "xlsx-50-small/rustpy",
    ]
    assert all(re.fullmatch(r"\S+(\s+-?[\d.]+){7}", line) for line in lines)
