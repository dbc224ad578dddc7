import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "csv_json.py"


def test_it_measures_and_verifies_every_writer() -> None:
    command = [sys.executable, str(SCRIPT), "--rows", "50", "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    header, *lines = result.stdout.splitlines()
    assert header.split()[:4] == ["name", "ours_cpu", "peer_cpu", "ratio"]
    assert [line.split()[0] for line in lines] == [
        "csv-50/csv.writer",
        "csv-50/polars",
        "csv-50/pyarrow",
        "json-50/json.dumps",
        "json-50/orjson",
        "ndjson-50/json.dumps",
        "ndjson-50/orjson",
    ]
    assert all(re.fullmatch(r"\S+(\s+-?[\d.]+){8}", line) for line in lines)
