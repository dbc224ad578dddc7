"""The first rows of a query, read in the web process: little of it is kept, whatever the values are."""

import tracemalloc

import pytest

from portal.datasets.first_rows import LONGEST_VALUE, preview
from portal.sources.connection import Source

MEGABYTE = 2**20
NUMBERS = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25) SELECT i FROM n)"


def wide(backend: str, size: int) -> str:
    """Return a query for 25 rows of a text and of bytes, both so long."""
    values = {
        "sqlite": f"printf('%.*c', {size}, 'x'), zeroblob({size})",
        "postgresql": f"repeat('x', {size}), repeat('x', {size})::bytea",
    }
    return f"SELECT i, {values[backend]} FROM {NUMBERS} AS q"


def test_it_keeps_the_first_rows_and_says_that_there_are_more(either_source: Source) -> None:
    found = preview(either_source, f"SELECT i, 'x' AS x FROM {NUMBERS} AS q ORDER BY i", {})

    assert [row[0] for row in found.rows] == list(range(1, 21))
    assert found.more
    assert [column.key for column in found.columns] == ["i", "x"]


def test_it_keeps_the_beginning_of_a_long_value(either_source: Source) -> None:
    found = preview(either_source, wide(either_source.backend, 100_000), {})

    assert len(found.rows) == 20
    for _, text, data in found.rows:
        assert text == "x" * LONGEST_VALUE
        assert len(data) == LONGEST_VALUE


def test_it_holds_no_more_than_a_few_wide_rows_at_once(sqlite_source: Source) -> None:
    tracemalloc.start()
    try:
        preview(sqlite_source, wide("sqlite", 8 * MEGABYTE), {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 100 * MEGABYTE  # twenty rows would be 320


@pytest.mark.parametrize("value", ["7", "7.5", "NULL"])
def test_it_leaves_other_values_alone(either_source: Source, value: str) -> None:
    (row,) = preview(either_source, f"SELECT {value}, 'short'", {}).rows

    assert row[1] == "short"
    assert row[0] is None or float(row[0]) == float(value)
