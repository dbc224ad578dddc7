"""The demo's compliance database: the same every time, whole, and full of what exports stumble over."""

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.demo.acme import build
from tests.demo.conftest import CASES, TODAY


def ask(path: Path, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


def single(path: Path, sql: str, *values: object) -> Any:
    return ask(path, sql, *values)[0][0]


def dump_hash(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def test_it_is_the_same_every_time(tmp_path: Path, acme: Path) -> None:
    build(tmp_path / "again", "Acme Co.", CASES, seed=7, today=TODAY)
    assert dump_hash(tmp_path / "again") == dump_hash(acme)


def test_it_differs_by_seed(tmp_path: Path, acme: Path) -> None:
    build(tmp_path / "other", "Acme Co.", CASES, seed=8, today=TODAY)
    assert dump_hash(tmp_path / "other") != dump_hash(acme)


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("organizations", 1),
        ("users", 40),
        ("business_units", 8),
        ("locations", 12),
        ("categories", 10),
        ("cases", CASES),
        ("disclosures", CASES // 8),
    ],
)
def test_it_fills_the_table(acme: Path, table: str, count: int) -> None:
    assert single(acme, f"SELECT COUNT(*) FROM {table}") == count


def test_it_keeps_its_own_rules(acme: Path) -> None:
    assert ask(acme, "PRAGMA integrity_check") == [("ok",)]
    assert ask(acme, "PRAGMA foreign_key_check") == []


def test_it_numbers_cases_by_year_without_gaps(acme: Path) -> None:
    numbers = [number for (number,) in ask(acme, "SELECT number FROM cases ORDER BY opened_at, id")]
    by_year: dict[str, list[str]] = {}
    for number in numbers:
        by_year.setdefault(number[:8], []).append(number)
    assert set(by_year) == {"AC-2022-", "AC-2023-", "AC-2024-", "AC-2025-"}
    for year, members in by_year.items():
        assert members == [f"{year}{n:05}" for n in range(1, len(members) + 1)]


def test_it_has_every_status_severity_and_outcome(acme: Path) -> None:
    assert ask(acme, "SELECT DISTINCT status FROM cases ORDER BY 1") == [("CLOSED",), ("NEW",), ("OPEN",)]
    assert single(acme, "SELECT COUNT(DISTINCT severity) FROM cases") == 4
    assert single(acme, "SELECT COUNT(DISTINCT outcome) FROM cases") == 3
    assert single(acme, "SELECT COUNT(*) FROM cases WHERE status = 'CLOSED' AND outcome IS NULL") > 0


@pytest.mark.parametrize("script", ["ü", "ł", "и", "举", "聞", "ب", "😟"])
def test_it_speaks_many_scripts(acme: Path, script: str) -> None:
    assert single(acme, "SELECT COUNT(*) FROM cases WHERE instr(description, ?)", script) > 0


def test_it_has_long_text_and_cells_that_look_like_formulas(acme: Path) -> None:
    assert single(acme, "SELECT MAX(length(description)) FROM cases") > 4000
    assert single(acme, "SELECT COUNT(*) FROM cases WHERE substr(title, 1, 1) IN ('=', '+', '-', '@')") > 0


def test_it_gives_cases_up_to_four_investigations(acme: Path) -> None:
    sql = "SELECT COUNT(i.id) FROM cases c LEFT JOIN investigations i ON i.case_id = c.id GROUP BY c.id"
    assert {count for (count,) in ask(acme, sql)} == {0, 1, 2, 3, 4}


def test_it_keeps_time_in_order(acme: Path) -> None:
    # Text in SQLite's form sorts as time does.
    wrong = (
        "SELECT COUNT(*) FROM cases WHERE closed_at < opened_at OR updated_at < opened_at"
        " OR incident_date > date(opened_at) OR due_at < opened_at"
    )
    assert single(acme, wrong) == 0
    assert single(acme, "SELECT COUNT(*) FROM investigations WHERE closed_at < opened_at") == 0
    early = (
        "SELECT COUNT(*) FROM investigations i JOIN cases c ON c.id = case_id WHERE i.opened_at < c.opened_at"
    )
    assert single(acme, early) == 0


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2025, 1, 1), date(2031, 7, 6)])
def test_it_ends_the_day_before_today(tmp_path: Path, today: date) -> None:
    path = tmp_path / "acme"
    build(path, "Acme Co.", 1000, seed=3, today=today)
    latest = single(path, "SELECT MAX(max(opened_at, updated_at, COALESCE(closed_at, ''))) FROM cases")
    assert latest < str(today)
    month = str(today - timedelta(days=30))
    assert single(path, "SELECT COUNT(*) FROM cases WHERE opened_at >= ?", month) > 10
    assert single(path, "SELECT COUNT(*) FROM cases WHERE status <> 'CLOSED' AND due_at < ?", str(today)) > 0


def test_it_assigns_users_who_exist(acme: Path) -> None:
    users = {identity for (identity,) in ask(acme, "SELECT id FROM users")}
    lists = [json.loads(ids) for (ids,) in ask(acme, "SELECT assignee_ids FROM cases")]
    assert {identity for ids in lists for identity in ids} <= users
    assert {len(ids) for ids in lists} == {0, 1, 2, 3}


def test_it_makes_each_organization_its_own(tmp_path: Path) -> None:
    path = tmp_path / "globex"
    build(path, "Globex", 500, seed=2, today=TODAY)
    assert ask(path, "SELECT name, domain FROM organizations") == [("Globex", "globex.example")]
    assert single(path, "SELECT COUNT(*) FROM cases WHERE number LIKE 'GL-%'") == 500
    assert single(path, "SELECT COUNT(*) FROM users WHERE email NOT LIKE '%@globex.example'") == 0


def test_it_replaces_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "acme"
    path.write_text("something else")
    build(path, "Acme Co.", 10, seed=1, today=TODAY)
    assert single(path, "SELECT COUNT(*) FROM cases") == 10
    assert list(tmp_path.iterdir()) == [path]


def test_it_leaves_nothing_half_made(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        build(path, "Acme Co.", 10, seed=1, today=TODAY)
    assert list(tmp_path.iterdir()) == [path]
