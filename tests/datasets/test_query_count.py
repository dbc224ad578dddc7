"""How many rows a query would give, where that is quick to say."""

from typing import Any

import pytest

from portal.datasets.query import count_rows, open_rows
from portal.errors import LimitExceeded, SourceUnavailable
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(("at_most", "expected"), [(3, 3), (100, 3), (2, 3), (1, 2), (0, 1)])
def test_it_counts_to_one_past_the_bound(either_source: Source, at_most: int, expected: int) -> None:
    assert count_rows(either_source, "SELECT * FROM cases", {}, at_most=at_most) == expected


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("SELECT id FROM cases WHERE id > :id ORDER BY id", {"id": 1}, 2),
        ("SELECT id FROM cases WHERE status IN :s", {"s": ["OPEN", "NEW"]}, 2),
        ("SELECT id FROM cases WHERE status IN :s", {"s": []}, 0),
        ("WITH c AS (SELECT id FROM cases) SELECT * FROM c", {}, 3),
        ("SELECT id FROM cases;\n", {}, 3),
        ("SELECT id FROM cases -- all of them", {}, 3),
        ("SELECT id, '100%' AS share, '12:30' AS at FROM cases LIMIT 2", {}, 2),
    ],
)
def test_it_counts_what_the_query_would_give(
    either_source: Source, sql: str, parameters: dict[str, Any], expected: int
) -> None:
    assert count_rows(either_source, sql, parameters, at_most=100) == expected


@pytest.mark.parametrize(
    "sql", ["SELECT nonsense FROM cases", "SELEC", "", "SELECT 1; SELECT 2", "SELECT :id"]
)
def test_it_leaves_objections_to_the_query_itself(either_source: Source, sql: str) -> None:
    assert count_rows(either_source, sql, {}, at_most=10) is None


def test_it_looks_at_no_more_rows_than_the_bound(sqlite_source: Source) -> None:
    assert count_rows(sqlite_source, f"{COUNTING} SELECT i FROM n", {}, at_most=10_000) == 10_001


@pytest.mark.parametrize("seconds", [0.3])
def test_it_gives_up_where_counting_takes_long(either_source: Source, seconds: float) -> None:
    endless = {
        "sqlite": f"{COUNTING} SELECT i FROM n WHERE i < 0",
        "postgresql": "SELECT i FROM generate_series(1, 1000000000000) i WHERE i < 0",
    }[either_source.backend]

    assert count_rows(either_source, endless, {}, at_most=10, timeout=seconds) is None


def test_it_says_that_the_source_is_away() -> None:
    away = Source(parse_url("postgresql://reader@127.0.0.1:1/cases"), EVERYWHERE)
    with pytest.raises(SourceUnavailable):
        count_rows(away, "SELECT 1", {}, at_most=10)


def test_a_limit_says_what_can_be_done(either_source: Source) -> None:
    note = "A workbook may hold more."
    with (
        pytest.raises(LimitExceeded) as exceeded,
        open_rows(
            either_source, "SELECT id FROM cases", {}, timeout=10, maximum_rows=2, limit_note=note
        ) as rows,
    ):
        list(rows.batches)

    assert (
        str(exceeded.value) == "The query returned more than the limit of 2 rows. A workbook may hold more."
    )
