"""Sorting rows and keeping the first of them, on every kind of database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portal.datasets.ordering import Sort, in_words, ordered_sql
from portal.datasets.query import open_rows
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url
from tests.mariadb import running

ODD = {"sqlite": '"a ""b"":c%"', "postgresql": '"a ""b"":c%"', "mysql": '`a "b":c%`'}
QUERY = "SELECT id, status, opened_at AS {odd} FROM cases WHERE id <> :none"


@contextmanager
def mariadb_source(folder: Path) -> Iterator[Source]:
    with running(folder) as server:
        server.run(
            "CREATE DATABASE small",
            "CREATE TABLE small.cases (id integer PRIMARY KEY, status text, opened_at text)",
            "INSERT INTO small.cases VALUES"
            " (1, 'OPEN', '2025-03-03'), (2, 'NEW', '2025-03-04'), (3, NULL, NULL)",
            "CREATE USER reader@'%' IDENTIFIED BY 'a word'",
            "GRANT SELECT, SHOW VIEW ON small.* TO reader@'%'",
        )
        yield Source(parse_url(f"mysql://reader:a word@127.0.0.1:{server.port}/small"), EVERYWHERE)


def ids(source: Source, sql: str, *sort: Sort, then: tuple[str, ...] = (), limit: int | None = None) -> Any:
    wrapped = ordered_sql(sql, sort, then=then, limit=limit, backend=source.backend)
    with open_rows(source, wrapped, {"none": 0}, timeout=30) as rows:
        return [row[0] for batch in rows.batches for row in batch]


def check(source: Source) -> None:
    """Check all that a database must do alike."""
    odd = 'a "b":c%'
    sql = QUERY.format(odd=ODD[source.backend])
    assert ids(source, sql, Sort("id", descending=True)) == [3, 2, 1]
    assert ids(source, sql, Sort("status")) == [2, 1, 3], "NULL comes last"
    assert ids(source, sql, Sort("status", descending=True)) == [1, 2, 3], "also the other way round"
    assert ids(source, sql, Sort(odd, descending=True), limit=1) == [2]
    assert ids(source, f"{sql} -- all of them", Sort("id"), limit=2) == [1, 2]
    assert ids(source, f"{sql} ORDER BY id; -- all\n", Sort("id", descending=True)) == [3, 2, 1]
    assert ids(source, f"{sql} /* ; */ ;\n /* ; */", Sort("id"), limit=9) == [1, 2, 3]
    assert ids(source, f"{sql};; -- two\n ; ", Sort("id"), limit=9) == [1, 2, 3]
    ties = f"SELECT id, 1 AS same FROM ({sql}) AS t"
    assert ids(source, ties, Sort("same"), Sort("id", descending=True), then=("id",)) == [3, 2, 1]
    assert ids(source, ties, Sort("same", descending=True), then=("id",), limit=2) == [1, 2]


def test_sqlite_and_postgresql_sort_alike(either_source: Source) -> None:
    check(either_source)


def test_mariadb_sorts_alike(tmp_path: Path) -> None:
    with mariadb_source(tmp_path) as source:
        check(source)


@pytest.mark.parametrize(
    ("sort", "limit", "words"),
    [
        ((Sort("a"),), None, "all, sorted by Amount"),
        ((Sort("a", descending=True), Sort("b")), 1000, "the first 1,000 by Amount (descending), b"),
        ((Sort("a"),), 1, "the first by Amount"),
    ],
)
def test_it_says_an_order_in_words(sort: tuple[Sort, ...], limit: int | None, words: str) -> None:
    assert in_words(sort, limit, {"a": "Amount"}) == words
