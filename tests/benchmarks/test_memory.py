import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


def lines_printed(*arguments: str) -> dict[str, dict[str, float]]:
    """Run it with 50 rows; return the figures by the line's name and the column's."""
    command = [sys.executable, str(SCRIPT), "--rows", "50", *arguments]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    header, *lines = (line.split() for line in result.stdout.splitlines())
    return {name: dict(zip(header[1:], map(float, figures), strict=False)) for name, *figures in lines}


def test_it_measures_a_whole_run_for_each_format() -> None:
    found = lines_printed("--database", "sqlite")

    assert list(found) == [f"memory-50-sqlite-{form}" for form in ("xlsx", "csv", "json")]
    for line in found.values():
        assert 0 < line["claim_private"] < line["claim_rss"], "private is part of RSS"
        assert line["growth_private"] == round(line["peak_private"] - line["claim_private"], 1) > 0
        assert line["started_private"] == line["started_rss"] == 0
        assert line["bytes"] > 5000


def test_it_measures_the_process_that_makes_a_pdf() -> None:
    (line,) = lines_printed("--database", "sqlite", "--format", "pdf").values()

    assert 20 < line["started_private"] < line["started_rss"]


def test_it_reads_from_postgresql() -> None:
    assert list(lines_printed("--database", "postgresql", "--format", "csv")) == ["memory-50-postgresql-csv"]
