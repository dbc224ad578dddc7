"""Each export type on each database: the same rows."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.compliance.export_types import definition
from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType
from portal.datasets.filters import bindings
from portal.datasets.query import open_rows
from portal.sources.connection import Source
from portal.table import ColumnType
from tests.datasets.compliance.schema import FIELDS

Row = dict[str, Any]
DUE = datetime(2025, 3, 25, 6, 0, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-{text}:00+00:00")


def read(source: Source, dataset: Definition, filters: dict[str, Any] | None = None) -> list[Row]:
    values = bindings(
        dataset.parameters, filters or {}, due_at=DUE, timezone="UTC", sqlite=source.backend == "sqlite"
    )
    with open_rows(source, dataset.sql, values, columns=dataset.columns, timeout=20) as rows:
        keys = [column.key for column in rows.columns]
        return [_plain(dict(zip(keys, row, strict=True)), dataset) for batch in rows.batches for row in batch]


def _plain(row: Row, dataset: Definition) -> Row:
    """Parse JSON: databases put spaces and keys in orders of their own."""
    for column in dataset.columns:
        value = row[column.key]
        if column.type is ColumnType.JSON and isinstance(value, str):
            row[column.key] = json.loads(value)
        if column.type is ColumnType.DECIMAL and isinstance(value, float):
            row[column.key] = Decimal(repr(value))
    return row


def test_it_exports_cases(compliance: Source) -> None:
    # by instant, then by id: the second case was opened with the first
    first, second, third = read(compliance, definition(BuiltIn(ExportType.CASES_ONLY), compliance.backend))

    assert first == {
        "case_number": "EX-1",
        "organization": "Example Corp.",
        "title": "Case 1",
        "description": "Described.",
        "status": "CLOSED",
        "severity": "HIGH",
        "area": "Finance",
        "category": "Fraud",
        "business_unit_code": "FIN",
        "business_unit": "Finance",
        "location_code": "DE-MUC",
        "location": "München",
        "country": "Germany",
        "region": "EMEA",
        "channel": "WEB",
        "anonymous": True,
        "creator_name": "Ada Ünal",
        "creator_email": "ada@example.com",
        "creator_department": "Compliance",
        "assignee_count": 2,
        "assignees": "Cy O'Neil; Ada Ünal",
        "assignee_emails": "cy@example.com; ada@example.com",
        "incident_date": date(2025, 2, 1),
        "opened_at": at("03-01 08:00"),
        "due_at": at("03-20 17:00"),
        "closed_at": at("03-21 08:00"),
        "updated_at": at("03-09 07:30"),
        "days_to_close": 20,
        "closed_late": True,
        "outcome": "SUBSTANTIATED",
        "currency": "EUR",
        "estimated_loss": Decimal("1000.00"),
        "recovered": Decimal("333.30"),
        "recovery_rate": Decimal("0.3333"),
        "risk_score": Decimal("61.5"),
    }
    assert first["anonymous"] is True
    assert second["case_number"] == "EX-2"
    assert second["anonymous"] is False
    assert (second["assignee_count"], second["assignees"], second["days_to_close"]) == (0, None, None)
    # points to nothing, and is exported all the same
    assert third["case_number"] == "EX-3"
    assert (third["category"], third["location"], third["creator_name"]) == (None, None, None)
    assert (third["assignee_count"], third["assignee_emails"]) == (0, None)


def test_it_exports_investigations(compliance: Source) -> None:
    rows = read(compliance, definition(BuiltIn(ExportType.INVESTIGATIONS_ONLY), compliance.backend))

    assert [(row["investigation_number"], row["position"]) for row in rows] == [
        ("EX-1-I2", 1),
        ("EX-1-I3", 2),
        ("EX-1-I4", 3),
        ("EX-1-I1", 4),
        ("EX-1-I5", 5),
        ("EX-3-I6", 1),
    ]
    assert rows[0] == {
        "investigation_number": "EX-1-I2",
        "case_number": "EX-1",
        "position": 1,
        "type": "INTERVIEW",
        "investigation_status": "CLOSED",
        "investigator_name": "Bo 陈",
        "investigator_email": "bo@example.com",
        "investigation_opened_at": at("03-04 09:00"),
        "investigation_closed_at": at("03-06 10:00"),
        "conclusion": '“Ja”, "x"',
        "hours": Decimal("1.5"),
        "case_status": "CLOSED",
        "severity": "HIGH",
        "category": "Fraud",
        "business_unit": "Finance",
        "location": "München",
    }
    assert rows[2]["investigator_name"] is None


def test_it_exports_disclosures(compliance: Source) -> None:
    assert read(compliance, definition(BuiltIn(ExportType.DISCLOSURES_ONLY), compliance.backend)) == [
        {
            "disclosure_number": "EX-D-1",
            "kind": "GIFT",
            "status": "APPROVED",
            "person": "Cy O'Neil",
            "person_email": "cy@example.com",
            "department": "Compliance",
            "business_unit": "Finance",
            "location": "München",
            "counterparty": "Nord & Söhne",
            "description": "Two tickets",
            "amount": Decimal("150.00"),
            "currency": "EUR",
            "public_official": False,
            "event_date": date(2025, 3, 1),
            "submitted_at": at("03-02 08:00"),
            "decided_at": at("03-03 09:00"),
            "reviewer": "Bo 陈",
        }
    ]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["EX-1", "EX-2", "EX-3"]),
    ({"statuses": ["OPEN", "NEW"]}, ["EX-2", "EX-3"]),
    ({"categories": ["FRAUD"]}, ["EX-1", "EX-2"]),
    ({"business_units": ["OPS"]}, ["EX-3"]),
    ({"locations": ["DE-MUC"]}, ["EX-1", "EX-2"]),
    ({"period": {"start": "2025-03-02", "end": "2025-03-03"}}, ["EX-3"]),
    ({"period": {"start": "2025-03-01", "end": "2025-03-01"}, "statuses": ["CLOSED"]}, ["EX-1"]),
    ({"severities": ["LOW"]}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_it_filters(compliance: Source, filters: dict[str, Any], expected: list[str]) -> None:
    rows = read(compliance, definition(BuiltIn(ExportType.CUSTOM), compliance.backend), filters)

    assert [row["case_number"] for row in rows] == expected


def test_all_columns_say_how_old_and_late_a_case_is_at_the_occurrence(compliance: Source) -> None:
    dataset = definition(BuiltIn(ExportType.CUSTOM), compliance.backend)

    rows = [(row["days_open"], row["days_overdue"]) for row in read(compliance, dataset)]
    assert rows == [(20, 0), (23, 4), (21, 4)]

    march = {"period": {"start": "2025-03-01", "end": "2025-03-10"}}
    rows = [(row["days_open"], row["days_overdue"]) for row in read(compliance, dataset, march)]
    assert rows == [(20, 0), (9, None), (7, None)], "as of the end of the period, unless closed"


@pytest.mark.parametrize("export_type", list(ExportType))
@pytest.mark.parametrize("first", [1, 2])
def test_its_first_rows_are_those_of_all(compliance: Source, export_type: ExportType, first: int) -> None:
    everything = read(compliance, definition(BuiltIn(export_type), compliance.backend))

    found = read(compliance, definition(BuiltIn(export_type), compliance.backend, first=first))

    assert found == everything[:first]


# The flat file


@pytest.mark.parametrize("overflow", [False, True])
@pytest.mark.parametrize("investigations", [0, 3, 10])
def test_it_spreads_investigations_and_loses_none(
    compliance: Source, investigations: int, overflow: bool
) -> None:
    built_in = BuiltIn(ExportType.FLAT_FILE, investigations, overflow=overflow)
    dataset = definition(built_in, compliance.backend)
    groups = [
        "core",
        *(f"inv_{n}" for n in range(1, investigations + 1)),
        *(["overflow"] if overflow else []),
    ]

    rows = read(compliance, dataset)

    assert list(dict.fromkeys(column.group for column in dataset.columns)) == groups
    assert [row["investigation_count"] for row in rows] == [5, 0, 1]
    expected = [["EX-1-I2", "EX-1-I3", "EX-1-I4", "EX-1-I1", "EX-1-I5"], [], ["EX-3-I6"]]
    for row, numbers in zip(rows, expected, strict=True):
        spread = [row[f"inv_{n}_number"] for n in range(1, investigations + 1)]
        assert [number for number in spread if number] == numbers[:investigations]
        further = (row["overflow"] or {}).get("further_investigations", []) if overflow else []
        assert [one["number"] for one in further] == (numbers[investigations:] if overflow else [])


def test_it_fills_each_investigations_columns(compliance: Source) -> None:
    first, second, third = read(compliance, definition(BuiltIn(ExportType.FLAT_FILE, 1), compliance.backend))

    assert {key: value for key, value in first.items() if key.startswith("inv_")} == {
        "inv_1_number": "EX-1-I2",
        "inv_1_type": "INTERVIEW",
        "inv_1_status": "CLOSED",
        "inv_1_investigator": "Bo 陈",
        "inv_1_opened_at": at("03-04 09:00"),
        "inv_1_closed_at": at("03-06 10:00"),
        "inv_1_conclusion": '“Ja”, "x"',
        "inv_1_hours": Decimal("1.5"),
    }
    assert all(value is None for key, value in second.items() if key.startswith("inv_"))
    assert first["overflow"]["further_investigations"][3] == {
        "number": "EX-1-I5",
        "type": "INTERVIEW",
        "status": "OPEN",
        "investigator": "Bo 陈",
        "opened_at": "2025-03-08T09:00:00Z",
        "closed_at": None,
        "conclusion": None,
        "hours": 20.25,
    }
    assert first["overflow"]["untagged"] == "kept"
    assert "nothing" in first["overflow"]
    assert second["overflow"] == {"witnesses": "none", "notified": False}
    assert third["overflow"] is None


ROOT_CAUSE = FIELDS["root_cause"]
SLOTS = (
    Slot("root_cause", "Root cause"),
    Slot("witnesses", "Witnesses", ColumnType.INTEGER),
    Slot("share", "Share", ColumnType.DECIMAL),
    Slot("notified", "Notified", ColumnType.BOOLEAN),
    Slot("heard_on", "Heard on", ColumnType.DATE),
    Slot("heard_at", "Heard at", ColumnType.DATETIME),
    Slot("address.city", "City"),
    Slot("address.post-code", "Post code", ColumnType.INTEGER),
    Slot("remedies", "Remedies", ColumnType.JSON),
    Slot("nothing", "Nothing"),
    *(Slot(f"missing_{number}", f"Missing {number}") for number in range(10)),
)


def test_it_gives_twenty_custom_fields_columns_of_their_types(compliance: Source) -> None:
    built_in = BuiltIn(ExportType.FLAT_FILE, 10, SLOTS)
    dataset = definition(built_in, compliance.backend)
    tagged = [column.key for column in dataset.columns if column.group == "tagged"]

    first, second, third = read(compliance, dataset)

    assert len(tagged) == 20
    assert [first[key] for key in tagged] == [
        ROOT_CAUSE,
        3,
        Decimal("12.5"),
        True,
        date(2025, 3, 4),
        at("03-04 10:15"),
        "Łódź",
        "007",
        ["training", "案"],
        *[None] * 11,
    ]
    assert first["notified"] is True
    assert first["overflow"] == {"address": {}, "untagged": "kept"}
    # what is no number stays what it is
    assert [second[key] for key in tagged] == [None, "none", None, False, *[None] * 16]
    assert second["overflow"] is None
    assert all(third[key] is None for key in [*tagged, "overflow"])


@pytest.mark.parametrize(
    ("path", "type_", "expected"),
    [
        ("witnesses", ColumnType.TEXT, "3"),
        ("notified", ColumnType.TEXT, "true"),
        ("notified", ColumnType.JSON, True),
        ("root_cause", ColumnType.JSON, ROOT_CAUSE),
        ("nothing", ColumnType.JSON, None),
        ("missing", ColumnType.JSON, None),
        ("address", ColumnType.JSON, {"city": "Łódź", "post-code": "007"}),
        ("share", ColumnType.PERCENTAGE, Decimal("12.5")),
        ("root_cause", ColumnType.DATE, ROOT_CAUSE),
    ],
)
def test_it_reads_a_custom_field_as_the_type_it_was_given(
    compliance: Source, path: str, type_: ColumnType, expected: Any
) -> None:
    built_in = BuiltIn(ExportType.FLAT_FILE, 0, (Slot(path, "A field", type_),), overflow=False)

    first, _, _ = read(compliance, definition(built_in, compliance.backend))

    assert first[path] == expected
    assert type(first[path]) is type(expected)


def test_a_custom_field_takes_no_columns_name() -> None:
    paths = ("status", "inv_1_number", "overflow", "1st", "days_open", "own")
    slots = tuple(Slot(path, path) for path in paths)

    dataset = definition(BuiltIn(ExportType.FLAT_FILE, 0, slots), "sqlite")

    assert [column.key for column in dataset.columns if column.group == "tagged"] == [
        "custom_status",
        "custom_inv_1_number",
        "custom_overflow",
        "custom_1st",
        "custom_days_open",
        "own",
    ]
