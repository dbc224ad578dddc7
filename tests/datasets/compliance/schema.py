"""The compliance schema as its document has it, in real databases, with a few cases."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCUMENT = (Path(__file__).parents[3] / "docs/compliance-schema.md").read_text()
_KINDS = ("sqlite", "postgresql", "mysql")

Row = dict[str, Any]


def documented() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Return, by table, its columns with their type by kind of database."""
    tables: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for table, body in re.findall(r"^### (\w+)\n\n(.*?)\n\n", DOCUMENT, re.MULTILINE | re.DOTALL):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()[2:]]
        tables[table] = [(name, dict(zip(_KINDS, types, strict=False))) for name, *types in rows]
    return tables


def created(kind: str) -> Iterator[str]:
    """Yield statements that make the tables as they are documented."""
    for table, columns in documented().items():
        listed = ", ".join(
            f"{name} {types[kind]}{' PRIMARY KEY' if name == 'id' else ''}" for name, types in columns
        )
        yield f"CREATE TABLE {table} ({listed})"


def filled(kind: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield an INSERT with `?` for each row, and its values as the database takes them."""
    for table, rows in ROWS.items():
        for row in rows:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            values = [_TAKEN[kind](value) for value in row.values()]
            yield f"INSERT INTO {table} ({names}) VALUES ({marks})", values


def _for_servers(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _for_sqlite(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else _for_servers(value)


_TAKEN: dict[str, Callable[[Any], Any]] = {
    "sqlite": _for_sqlite,
    "postgresql": _for_servers,
    "mysql": _for_servers,
}


def a_case(number: int, **changes: Any) -> Row:
    return {
        "id": number,
        "organization_id": 1,
        "number": f"EX-{number}",
        "title": f"Case {number}",
        "description": "Described.",
        "status": "OPEN",
        "severity": "HIGH",
        "category_id": 1,
        "business_unit_id": 1,
        "location_id": 1,
        "creator_id": 1,
        "assignee_ids": [],
        "channel": "WEB",
        "anonymous": False,
        "incident_date": "2025-02-01",
        "opened_at": f"2025-03-0{number} 08:00:00",
        "due_at": "2025-03-20 17:00:00",
        "closed_at": None,
        "updated_at": "2025-03-09 07:30:00",
        "outcome": None,
        "currency": "EUR",
        "estimated_loss": None,
        "recovered": None,
        "risk_score": 61.5,
        "custom_fields": {},
        **changes,
    }


def an_investigation(number: int, of: int, opened: str, **changes: Any) -> Row:
    return {
        "id": number,
        "case_id": of,
        "number": f"EX-{of}-I{number}",
        "type": "INTERVIEW",
        "status": "OPEN",
        "investigator_id": 2,
        "opened_at": f"2025-03-{opened} 09:00:00",
        "closed_at": None,
        "conclusion": None,
        "hours": 1.5,
        **changes,
    }


FIELDS = {
    "root_cause": 'Ünklar “案件” \' \\ "quoted"',
    "witnesses": 3,
    "share": 12.5,
    "notified": True,
    "heard_on": "2025-03-04",
    "heard_at": "2025-03-04T10:15:00Z",
    "address": {"city": "Łódź", "post-code": "007"},
    "remedies": ["training", "案"],
    "nothing": None,
    "untagged": "kept",
}
"""Custom fields of the first case: every type, and one that nobody gave a column."""

ROWS: dict[str, list[Row]] = {
    "organizations": [{"id": 1, "name": "Example Corp.", "domain": "example.com"}],
    "business_units": [
        {"id": 1, "organization_id": 1, "code": "FIN", "name": "Finance"},
        {"id": 2, "organization_id": 1, "code": "OPS", "name": "Operations"},
    ],
    "locations": [
        {
            "id": 1,
            "organization_id": 1,
            "code": "DE-MUC",
            "name": "München",
            "country": "Germany",
            "region": "EMEA",
            "currency": "EUR",
        }
    ],
    "categories": [{"id": 1, "organization_id": 1, "code": "FRAUD", "name": "Fraud", "area": "Finance"}],
    "users": [
        {
            "id": number,
            "organization_id": 1,
            "name": name,
            "email": email,
            "department": "Compliance",
            "business_unit_id": 1,
            "location_id": 1,
            "active": True,
        }
        for number, name, email in (
            (1, "Ada Ünal", "ada@example.com"),
            (2, "Bo 陈", "bo@example.com"),
            (3, "Cy O'Neil", "cy@example.com"),
        )
    ],
    "cases": [
        a_case(
            1,
            status="CLOSED",
            assignee_ids=[3, 1],
            anonymous=True,
            closed_at="2025-03-21 08:00:00",
            outcome="SUBSTANTIATED",
            estimated_loss="1000.00",
            recovered="333.30",
            custom_fields=FIELDS,
        ),
        a_case(2, opened_at="2025-03-01 08:00:00", custom_fields={"witnesses": "none", "notified": False}),
        a_case(
            3,
            business_unit_id=2,
            category_id=None,
            location_id=None,
            creator_id=None,
            assignee_ids=None,
            custom_fields=None,
        ),
    ],
    "investigations": [
        # five of the first case, in another order than their ids, two of them opened at the same instant
        an_investigation(1, 1, "07"),
        an_investigation(
            2, 1, "04", status="CLOSED", closed_at="2025-03-06 10:00:00", conclusion='“Ja”, "x"'
        ),
        an_investigation(3, 1, "05"),
        an_investigation(4, 1, "05", investigator_id=None),
        an_investigation(5, 1, "08", hours=20.25),
        an_investigation(6, 3, "09"),
    ],
    "disclosures": [
        {
            "id": 1,
            "organization_id": 1,
            "number": "EX-D-1",
            "user_id": 3,
            "kind": "GIFT",
            "counterparty": "Nord & Söhne",
            "description": "Two tickets",
            "amount": "150.00",
            "currency": "EUR",
            "public_official": False,
            "status": "APPROVED",
            "event_date": "2025-03-01",
            "submitted_at": "2025-03-02 08:00:00",
            "decided_at": "2025-03-03 09:00:00",
            "reviewer_id": 2,
        }
    ],
}
