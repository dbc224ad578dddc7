"""Which parameters SQL names, and where a database found fault with it."""

import pytest

from portal.datasets.query import open_rows
from portal.datasets.sql_text import Place, bindable, parameters_in, place_of
from portal.errors import QueryFailed
from portal.sources.connection import Source


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1", []),
        ("SELECT :a, :b_2, :a", ["a", "b_2"]),
        ("SELECT a::text, '12:30', 'k:v' WHERE b = :b", ["b"]),
        ("""SELECT '{"a":true}', ':no', "a:no", `a :no`""", []),
        ("SELECT 1 -- :no\n, :yes /* :no\n :no */", ["yes"]),
        ("SELECT $$ :no $$, $x$ :no $$ :no $x$, :yes", ["yes"]),
        ("SELECT 'it''s :no', :yes", ["yes"]),
        ("SELECT array[1:2], :1", []),
        ("SELECT \\:no", []),
    ],
)
def test_it_finds_the_parameters(sql: str, names: list[str]) -> None:
    assert parameters_in(sql, "postgresql" if "$" in sql or "::" in sql else "sqlite") == names


@pytest.mark.parametrize(
    ("backend", "sql", "names"),
    [
        ("mysql", r"""SELECT 'isn\'t :no', "a\" :no", :yes""", ["yes"]),
        ("mysql", "# don't\nSELECT 'chosen: :no !', :yes", ["yes"]),
        ("postgresql", r"SELECT E'it\'s :no', 'a\', :yes", ["yes"]),
        ("sqlite", r"SELECT 'a\', :yes", ["yes"]),
        ("postgresql", "SELECT :a::timestamptz, (:b)::date", ["a", "b"]),
    ],
)
def test_each_database_has_strings_of_its_own(backend: str, sql: str, names: list[str]) -> None:
    assert parameters_in(sql, backend) == names


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT :a, :b", r"SELECT :a, \:b"),
        ("SELECT ':a', :a", r"SELECT '\:a', :a"),
        ("SELECT a::text -- :a\n", "SELECT a::text -- \\:a\n"),
        ("SELECT '12:30', ':a::b'", r"SELECT '12:30', ':a::b'"),
        ("SELECT :a::date", "SELECT (:a)::date"),
        (r"SELECT 'a\:b', '\:x'", r"SELECT 'a\\:b', '\\:x'"),
    ],
)
def test_it_escapes_every_other_colon(sql: str, bound: str) -> None:
    assert bindable(sql, {"a"}, "postgresql") == bound


def test_a_parameter_within_a_string_is_text(either_source: Source) -> None:
    sql = "SELECT ':id' AS a, 'x :id' AS b FROM cases -- :id\nWHERE id = :id"
    with open_rows(either_source, sql, {"id": 2}, timeout=10) as rows:
        assert [list(batch) for batch in rows.batches] == [[(":id", "x :id")]]


def test_a_backslash_within_a_string_stays(either_source: Source) -> None:
    with open_rows(either_source, r"SELECT 'a\:b' AS a, '\:x' AS b, 'C:\temp' AS c", {}, timeout=10) as rows:
        assert [list(batch) for batch in rows.batches] == [[(r"a\:b", r"\:x", r"C:\temp")]]


def test_a_parameter_can_be_cast(postgresql_source: Source) -> None:
    sql = "SELECT :day::date + 1 AS next"
    with open_rows(postgresql_source, sql, {"day": "2025-03-03"}, timeout=10) as rows:
        assert [[str(row[0]) for row in batch] for batch in rows.batches] == [["2025-03-04"]]


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SELECT id\nFROM cases\nWHERE nothing = 1", (3, 7)),
        ("SELECT nothing\nFROM cases", (1, 8)),
        ("SELECT id\n  FROM gone", (2, 8)),
        ("SELECT id,\n  FROM cases", (2, 3)),
        ("SELECT 'ü案', id FROM cases WHERE status = :status AND nothing IS NULL", (1, 55)),
    ],
)
def test_it_says_where_the_database_found_fault(
    either_source: Source, sql: str, place: tuple[int, int]
) -> None:
    with (
        pytest.raises(QueryFailed) as failed,
        open_rows(either_source, sql, {"status": "NEW"}, timeout=10),
    ):
        pass

    assert failed.value.place == place
    assert str(failed.value).startswith(f"Line {place[0]}, column {place[1]}: ")


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("the right syntax to use near 'FORM cases' at line 2", Place(2, 3)),
        ("the right syntax to use near '' at line 2", Place(2, 1)),
        ("Unknown column 'c.status' in 'field list'", Place(1, 8)),
        ("no such column: id", None),  # it stands in two places
        ("incomplete input", Place(2, 13)),
        ("database is locked", None),
        ("LINE 9: nonsense\n        ^", None),
    ],
)
def test_it_reads_messages(message: str, place: Place | None) -> None:
    assert place_of("SELECT status, id, id\n  FORM cases", message) == place
