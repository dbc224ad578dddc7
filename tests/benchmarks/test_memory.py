import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


def test_it_measures_a_forked_child_for_each_format() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "50", "--database", "sqlite"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)

    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["name", "claim_private", "peak_private", "growth_private"]
    assert [line.split()[0] for line in lines] == [
        f"memory-50-sqlite-{form}" for form in ("xlsx", "csv", "json")
    ]
    assert all(re.fullmatch(r"\S+(\s+[\d.]+){7}", line) for line in lines)
    assert all(0 < float(line.split()[1]) < float(line.split()[4]) for line in lines), (
        "private is part of RSS"
    )
