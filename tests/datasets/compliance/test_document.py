"""docs/compliance-schema.md: its tables are those that the demo has, and its views do what it says."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.compliance.export_types import definition
from portal.datasets.export_type import ExportType
from portal.demo.acme_schema import TABLES
from portal.hosts import EVERYWHERE
from portal.sources.connection import Source
from portal.sources.url import parse_url
from tests.conftest import fresh_database, owned_by_nobody_special
from tests.datasets.compliance.schema import DOCUMENT, documented
from tests.datasets.compliance.test_export_types import read

OWN_TABLES, VIEWS, _GRANTS = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
OWN_ROWS = """
INSERT INTO person VALUES
  (7, 'ann@example.com', 'Ann', 'Audit', 'Plant', 'Lyon'),
  (8, 'bob@example.com', 'Bob', 'Audit', 'Plant', NULL);
INSERT INTO incident VALUES
  ('A-1', 'Pump', 'Broken', 9, 3, 'Safety', 'Plant', 'Lyon', 'ann@example.com',
   ARRAY['bob@example.com', 'ann@example.com'], 'web', false, '2025-03-01', '2025-03-02 08:00',
   '2025-03-09 08:00', '2025-03-05 08:00', '2025-03-05 08:00', 'SUBSTANTIATED', 12.50, '{"shift": "night"}'),
  ('A-2', 'Gate', 'Open', 0, 1, 'Safety', 'Plant', NULL, NULL, NULL, 'web', true, '2025-03-01',
   '2025-03-03 08:00', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO inquiry VALUES
  (5, 'A-1', 'Visit', true, 'bob@example.com', '2025-03-03 08:00', '2025-03-04 08:00', 'Mended', 90);
"""


def test_its_tables_and_columns_are_those_of_the_demo() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        demo = {
            table: [(name, kind) for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")]
            for (table,) in tables
        }

    assert demo == {
        table: [(name, types["sqlite"]) for name, types in columns] for table, columns in documented().items()
    }


@pytest.fixture(scope="module")
def views(postgresql: str) -> Iterator[Source]:
    with fresh_database(postgresql) as url, owned_by_nobody_special(url) as text:
        with psycopg.connect(text.replace("+psycopg", "", 1)) as connection:
            connection.execute(f"{OWN_TABLES}{OWN_ROWS}".encode())
            role = connection.info.user
            connection.execute(f"GRANT CREATE ON DATABASE {connection.info.dbname} TO {role}".encode())
            connection.execute(VIEWS.encode())
            connection.execute(f"ALTER ROLE {role} SET search_path = exports".encode())
        yield Source(parse_url(text), EVERYWHERE)


def test_its_views_give_tables_of_ones_own_our_names(views: Source) -> None:
    built_in = BuiltIn(ExportType.FLAT_FILE, 1, (Slot("shift", "Shift"),))

    first, second = read(views, definition(built_in, "postgresql"))

    shown: dict[str, Any] = {
        "case_number": "A-1",
        "organization": "Example Corp.",
        "status": "CLOSED",
        "severity": "HIGH",
        "category": "Safety",
        "business_unit": "Plant",
        "location": "Lyon",
        "creator_name": "Ann",
        "assignees": "Bob; Ann",
        "days_to_close": 3,
        "closed_late": False,
        "inv_1_number": "Q-5",
        "inv_1_investigator": "Bob",
        "shift": "night",
        "overflow": None,
    }
    assert {key: first[key] for key in shown} == shown
    assert first["opened_at"].isoformat() == "2025-03-02T08:00:00+00:00"
    assert (second["case_number"], second["status"], second["location"]) == ("A-2", "NEW", None)


@pytest.mark.parametrize(
    "export_type", [ExportType.CASES_ONLY, ExportType.INVESTIGATIONS_ONLY, ExportType.CUSTOM]
)
def test_its_views_serve_the_other_export_types(views: Source, export_type: ExportType) -> None:
    rows = read(views, definition(BuiltIn(export_type), "postgresql"))

    assert [row["case_number"] for row in rows][:1] == ["A-1"]
