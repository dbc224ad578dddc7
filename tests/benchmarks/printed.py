"""What a benchmark prints at a tiny size."""

import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def names_printed(script: str, figures: int) -> list[str]:
    """Run one round of 50 rows; return the names of the lines, each of which has so many figures."""
    command = [sys.executable, str(BENCHMARKS / script), "--rows", "50", "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["name", "ours_cpu", "peer_cpu", "ratio"]
    assert all(re.fullmatch(rf"\S+(\s+-?[\d.]+){{{figures}}}", line) for line in lines)
    return [line.split()[0] for line in lines]
