"""Rows from a source: chosen, converted, in batches, and never without an end."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.datasets.query import BATCH_BYTES, BATCH_ROWS, open_rows
from portal.errors import LimitExceeded, QueryFailed, QueryTimeout
from portal.sources.connection import Source
from portal.table import Column, ColumnType

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
ENDLESS = {
    "sqlite": f"{COUNTING} SELECT count(*) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 1000000000000)",
}
SERIES = {
    "sqlite": f"{COUNTING} SELECT i FROM n LIMIT 2500",
    "postgresql": "SELECT i FROM generate_series(1, 2500) i",
}


def read(source: Source, sql: str, parameters: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    with open_rows(source, sql, parameters or {}, **{"timeout": 10, **options}) as rows:
        return [tuple(row) for batch in rows.batches for row in batch]


def test_it_reads_batches_of_a_thousand(either_source: Source) -> None:
    with open_rows(either_source, SERIES[either_source.backend], {}, timeout=10) as rows:
        sizes = [len(batch) for batch in rows.batches]

    assert sizes == [1000, 1000, 500]
    assert BATCH_ROWS == 1000


def test_it_reads_fewer_wide_rows_at_a_time(either_source: Source) -> None:
    """200 rows of 400,000 characters, then as many of one."""
    long = "repeat('x', 400000)" if either_source.backend == "postgresql" else "hex(zeroblob(200000))"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
    sql = f"{numbers} SELECT i, CASE WHEN i <= 200 THEN 'x' ELSE {long} END AS t FROM n ORDER BY i DESC"
    with open_rows(either_source, sql, {}, timeout=10) as rows:
        found = [[(i, len(t)) for i, t in batch] for batch in rows.batches]

    assert [row for batch in found for row in batch] == [
        *((i, 400_000) for i in range(400, 200, -1)),
        *((i, 1) for i in range(200, 0, -1)),
    ]
    assert max(sum(length for _, length in batch) for batch in found) <= BATCH_BYTES
    assert len(found[-1]) > 100, "narrow ones come in numbers again"


def test_it_finds_names_and_types_when_no_columns_are_wanted(either_source: Source) -> None:
    sql = "SELECT id, status, 1.5 AS share, NULL AS missing FROM cases ORDER BY id"
    with open_rows(either_source, sql, {}, timeout=10) as rows:
        types = {column.key: column.type for column in rows.columns}
        first = next(iter(rows.batches))[0]

    assert types == {
        "id": ColumnType.INTEGER,
        "status": ColumnType.TEXT,
        "share": ColumnType.DECIMAL,
        "missing": ColumnType.TEXT,
    }
    assert (first[0], first[1], float(first[2]), first[3]) == (1, "OPEN", 1.5, None)


def test_it_gives_columns_even_without_rows(either_source: Source) -> None:
    with open_rows(either_source, "SELECT id FROM cases WHERE id < 0", {}, timeout=10) as rows:
        assert [column.key for column in rows.columns] == ["id"]
        assert list(rows.batches) == []


def test_it_picks_the_wanted_columns_in_their_order(either_source: Source) -> None:
    columns = (Column("status", "Status"), Column("id", "No.", ColumnType.INTEGER))

    rows = read(either_source, "SELECT id, status, opened_at FROM cases ORDER BY id", columns=columns)

    assert rows == [("OPEN", 1), ("NEW", 2), (None, 3)]


def test_it_names_a_column_that_is_gone(either_source: Source) -> None:
    columns = (Column("id", "No."), Column("severity", "Severity"))

    with pytest.raises(QueryFailed, match=r"no column “severity” any more; it gives id, status\."):
        read(either_source, "SELECT id, status FROM cases", columns=columns)


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [("SELECT nonsense FROM cases", "nonsense"), ("SELEC 1", "syntax error"), ("SELECT * FROM gone", "gone")],
)
def test_it_repeats_what_the_database_objected_to(either_source: Source, sql: str, complaint: str) -> None:
    with pytest.raises(QueryFailed, match=complaint) as failed:
        read(either_source, sql)

    assert "\n" not in str(failed.value)
    assert "sqlalche.me" not in str(failed.value)


# Parameters


@pytest.mark.parametrize(
    ("chosen", "expected"), [(["OPEN", "NEW"], [1, 2]), (["NEW"], [2]), (["GONE"], []), ([], [])]
)
def test_it_binds_lists_of_any_length(either_source: Source, chosen: list[str], expected: list[int]) -> None:
    rows = read(either_source, "SELECT id FROM cases WHERE status IN :s ORDER BY id", {"s": chosen})

    assert [row[0] for row in rows] == expected


def test_it_binds_values_and_never_writes_them_into_sql(either_source: Source) -> None:
    evil = "OPEN' OR '1'='1"

    assert read(either_source, "SELECT id FROM cases WHERE status = :s", {"s": evil}) == []
    assert read(either_source, "SELECT id FROM cases WHERE status IN :s", {"s": [evil]}) == []


def test_it_ignores_values_that_the_sql_does_not_name(either_source: Source) -> None:
    assert read(either_source, "SELECT id FROM cases WHERE id = :id", {"id": 2, "due_at": "now"}) == [(2,)]


def test_it_leaves_other_colons_and_percents_alone(either_source: Source) -> None:
    sql = """SELECT '{"a":1}' AS json, '12:30' AS at, 'k:v' AS pair, '100%' AS share, '%s' AS mark"""

    assert read(either_source, sql, {"id": 1}) == [('{"a":1}', "12:30", "k:v", "100%", "%s")]


def test_it_fails_when_a_value_is_missing(either_source: Source) -> None:
    with pytest.raises(QueryFailed):
        read(either_source, "SELECT id FROM cases WHERE id = :id")


def test_it_fails_when_a_value_does_not_fit(sqlite_source: Source) -> None:
    for value in (object(), 2**70):
        with pytest.raises(QueryFailed):
            read(sqlite_source, "SELECT id FROM cases WHERE id = :id", {"id": value})


# Limits


def test_it_stops_past_the_row_limit(either_source: Source) -> None:
    sql = SERIES[either_source.backend]

    assert len(read(either_source, sql, maximum_rows=2500)) == 2500
    with pytest.raises(LimitExceeded, match="limit of 2,499 rows"):
        read(either_source, sql, maximum_rows=2499)


def test_it_interrupts_a_query_that_never_ends(either_source: Source) -> None:
    with pytest.raises(QueryTimeout, match=r"past its limit of 0\.3 s"):
        read(either_source, ENDLESS[either_source.backend], timeout=0.3)


def test_it_interrupts_a_query_that_lifted_the_servers_limit(postgresql_source: Source) -> None:
    sql = "SELECT set_config('statement_timeout', '0', false), pg_sleep(30)"

    with pytest.raises(QueryTimeout):
        read(postgresql_source, sql, timeout=0.3)


def test_it_interrupts_between_batches_too(sqlite_source: Source) -> None:
    """The first batch comes at once, the second never."""
    sql = f"{COUNTING} SELECT i FROM n WHERE i <= 1500"
    columns = (Column("i", "No."),)
    with open_rows(sqlite_source, sql, {}, columns=columns, timeout=1) as rows:
        batches = iter(rows.batches)
        assert len(next(batches)) == 1000
        with pytest.raises(QueryTimeout):
            next(batches)


def test_it_closes_a_result_that_nobody_read_to_its_end(either_source: Source) -> None:
    with open_rows(either_source, SERIES[either_source.backend], {}, timeout=10) as rows:
        next(iter(rows.batches))
    gc.collect()  # an open cursor would say so, and warnings are errors here


MEASURE = """
import resource, sys
from portal.sources.connection import Source
from portal.datasets.query import open_rows
from portal.sources.url import parse_url
from portal.sources.connection import Source

source, sql = Source(parse_url(sys.argv[1])), sys.argv[2]

def read(limit):
    with open_rows(source, f"{sql} LIMIT {limit}", {}, timeout=60) as rows:
        count = sum(len(batch) for batch in rows.batches)
    return count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few, before = read(5_000)
many, after = read(200_000)
print(few, many, after - before)
"""


def test_it_holds_one_batch_in_memory(sqlite_file: Path) -> None:
    """200,000 rows of 200 characters are 40 MB; no more than a few batches of them may be held."""
    sql = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, printf('%200d', i) FROM n"
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, f"sqlite:///{sqlite_file}", sql],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert done.returncode == 0, done.stderr
    few, many, growth_kib = map(int, done.stdout.split())
    assert (few, many) == (5_000, 200_000)
    assert growth_kib < 8_000
