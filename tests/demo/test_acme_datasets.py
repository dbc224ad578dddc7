"""The demo's datasets, each run on a real database: declared columns, every filter, nothing lost."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BindParameter, bindparam, create_engine, text

from portal.datasets.definition import Definition
from portal.datasets.export_type import ExportType
from portal.datasets.parameters import Parameter, ParameterKind
from portal.demo.acme_datasets import (
    CASES_ONLY,
    DISCLOSURES_ONLY,
    INVESTIGATIONS_ONLY,
    OVERDUE_CASES,
    acme_datasets,
    flat_file,
)
from portal.table import ColumnType
from tests.demo.conftest import CASES

Rows = list[dict[str, Any]]

DATASETS = acme_datasets()
NOW = "2025-11-25 00:00:00"
JUNE = ("2025-06-01 00:00:00", "2025-07-01 00:00:00")

each_dataset = pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)


def binds(dataset: Definition, chosen: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"due_at": NOW} if ":due_at" in dataset.sql else {}
    for parameter in dataset.parameters:
        choice = chosen.get(parameter.name)
        if parameter.kind is ParameterKind.PERIOD:
            values["period_start"], values["period_end"] = choice or (None, None)
        elif parameter.kind is ParameterKind.MULTI_CHOICE:
            values[parameter.name], values[f"{parameter.name}_any"] = choice or [], 0 if choice else 1
        else:
            values[parameter.name] = choice
    return values


def run(path: Path, dataset: Definition, **chosen: Any) -> Rows:
    values = binds(dataset, chosen)
    lists: list[BindParameter[Any]] = [
        bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)
    ]
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        result = connection.execute(text(dataset.sql).bindparams(*lists), values)
        assert list(result.keys()) == [column.key for column in dataset.columns]
        rows = [dict(row) for row in result.mappings()]
    engine.dispose()
    return rows


def choices(path: Path, parameter: Parameter) -> dict[str, str]:
    """What can be chosen: labels by value."""
    if parameter.choices_sql is None:
        return dict(parameter.choices)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = {row.value: row.label for row in connection.execute(text(parameter.choices_sql))}
    engine.dispose()
    return found


def test_it_has_one_for_each_export_type() -> None:
    assert [dataset.export_type for dataset in DATASETS] == list(ExportType)
    assert len({dataset.name for dataset in DATASETS}) == 5


@each_dataset
def test_it_runs_without_filters(acme: Path, dataset: Definition) -> None:
    rows = run(acme, dataset)
    assert rows
    keys = [tuple(row[key] for key in dataset.key_columns) for row in rows]
    assert len(set(keys)) == len(rows)


@each_dataset
def test_it_names_each_column_once(dataset: Definition) -> None:
    assert len({column.key for column in dataset.columns}) == len(dataset.columns)
    assert len({(column.group, column.label) for column in dataset.columns}) == len(dataset.columns)
    assert set(dataset.key_columns) <= {column.key for column in dataset.columns}


@each_dataset
def test_it_fills_columns_with_their_type(acme: Path, dataset: Definition) -> None:
    shapes: dict[ColumnType, type | tuple[type, ...]] = {
        ColumnType.TEXT: str,
        ColumnType.INTEGER: int,
        ColumnType.BOOLEAN: int,
        ColumnType.DECIMAL: float,
        ColumnType.PERCENTAGE: float,
        ColumnType.CURRENCY: str,
        ColumnType.DATE: str,
        ColumnType.DATETIME: str,
        ColumnType.JSON: str,
    }
    rows = run(acme, dataset)
    for column in dataset.columns:
        values = [row[column.key] for row in rows if row[column.key] is not None]
        assert values, column.key
        assert all(isinstance(value, shapes[column.type]) for value in values), column.key
        if column.type is ColumnType.BOOLEAN:
            assert set(values) <= {0, 1}, column.key
        if column.type in (ColumnType.DATE, ColumnType.DATETIME):
            assert {len(value) for value in values} == {10 if column.type is ColumnType.DATE else 19}, (
                column.key
            )


@pytest.mark.parametrize(
    ("dataset", "column"),
    [
        (flat_file(3), "opened_at"),
        (CASES_ONLY, "opened_at"),
        (INVESTIGATIONS_ONLY, "investigation_opened_at"),
        (DISCLOSURES_ONLY, "submitted_at"),
    ],
    ids=["flat file", "cases", "investigations", "disclosures"],
)
def test_it_filters_by_a_half_open_period(acme: Path, dataset: Definition, column: str) -> None:
    everything = run(acme, dataset)
    expected = [row for row in everything if JUNE[0] <= row[column] < JUNE[1]]
    assert 0 < len(expected) < len(everything)
    assert run(acme, dataset, period=JUNE) == expected
    # A bound that is itself a row's instant: in at the start, out at the end.
    first, last = expected[0][column], expected[-1][column]
    assert run(acme, dataset, period=(first, last)) == [row for row in expected if row[column] < last]


CHOICES = [
    (dataset, parameter)
    for dataset in DATASETS
    for parameter in dataset.parameters
    if parameter.kind is ParameterKind.MULTI_CHOICE
]
SHOWN_IN = {
    "statuses": "status",
    "categories": "category",
    "business_units": "business_unit",
    "locations": "location",
}


@pytest.mark.parametrize(("dataset", "parameter"), CHOICES, ids=lambda it: it.name)
def test_it_filters_by_what_is_chosen(acme: Path, dataset: Definition, parameter: Parameter) -> None:
    exceptions = {("Investigations", "statuses"): "case_status", ("Disclosures", "categories"): "kind"}
    column = exceptions.get((dataset.name, parameter.name), SHOWN_IN[parameter.name])
    offered = choices(acme, parameter)
    everything = run(acme, dataset)
    # Fixed choices show as their value, the others as their label.
    shown = {value: label if parameter.choices_sql else value for value, label in offered.items()}
    assert {row[column] for row in everything} <= set(shown.values())
    for chosen in ([*offered][:1], [*offered][-2:]):
        expected = [row for row in everything if row[column] in {shown[value] for value in chosen}]
        assert run(acme, dataset, **{parameter.name: chosen}) == expected


def test_it_joins_filters_with_and(acme: Path) -> None:
    rows = run(acme, CASES_ONLY, statuses=["CLOSED"], locations=["DE-MUC", "FR-LYS"], period=JUNE)
    assert rows
    assert {row["status"] for row in rows} == {"CLOSED"}
    assert {row["location_code"] for row in rows} == {"DE-MUC", "FR-LYS"}
    assert all(JUNE[0] <= row["opened_at"] < JUNE[1] for row in rows)


def test_it_shows_creator_and_assignees(acme: Path) -> None:
    rows = run(acme, CASES_ONLY)
    assert all(row["creator_name"] and row["creator_email"].endswith("@acme.example") for row in rows)
    for row in rows:
        names = row["assignees"].split("; ") if row["assignees"] else []
        assert len(names) == row["assignee_count"]
    assert max(row["assignee_count"] for row in rows) == 3


def test_it_keeps_the_order_of_assignment(acme: Path) -> None:
    engine = create_engine(f"sqlite:///{acme}")
    with engine.connect() as connection:
        emails = {row.id: row.email for row in connection.execute(text("SELECT id, email FROM users"))}
        lists = {
            row.number: row.ids
            for row in connection.execute(text("SELECT number, assignee_ids AS ids FROM cases"))
        }
    engine.dispose()
    for row in run(acme, CASES_ONLY):
        expected = [emails[identity] for identity in json.loads(lists[row["case_number"]])]
        assert (row["assignee_emails"] or "") == "; ".join(expected)


def test_it_derives_rates_and_days(acme: Path) -> None:
    rows = run(acme, CASES_ONLY)
    recovered = [row for row in rows if row["recovered"]]
    assert recovered
    for row in recovered:
        assert row["recovery_rate"] == pytest.approx(
            float(row["recovered"]) / float(row["estimated_loss"]), abs=1e-4
        )
    assert {row["closed_late"] for row in rows} == {0, 1, None}
    assert all((row["days_to_close"] is None) == (row["closed_at"] is None) for row in rows)


def test_it_lists_overdue_cases_of_weight(acme: Path) -> None:
    rows = run(acme, OVERDUE_CASES)
    expected = {
        row["case_number"]
        for row in run(acme, CASES_ONLY)
        if row["status"] != "CLOSED" and row["severity"] in ("HIGH", "CRITICAL") and row["due_at"] < NOW
    }
    assert {row["case_number"] for row in rows} == expected
    assert expected
    assert all(earlier["due_at"] <= later["due_at"] for earlier, later in pairwise(rows))
    assert all(row["days_overdue"] >= 0 for row in rows)


def test_it_counts_overdue_days_at_the_end_of_the_period(acme: Path) -> None:
    at_occurrence = {row["case_number"]: row["days_overdue"] for row in run(acme, OVERDUE_CASES)}
    later = run(acme, OVERDUE_CASES, period=(None, "2026-01-24 00:00:00"))
    assert {row["case_number"] for row in later} > set(at_occurrence)
    for row in later:
        if row["case_number"] in at_occurrence:
            assert row["days_overdue"] == at_occurrence[row["case_number"]] + 60


def test_it_filters_overdue_cases_by_risk(acme: Path) -> None:
    everything = run(acme, OVERDUE_CASES)
    limit = sorted(row["risk_score"] for row in everything)[len(everything) // 2]
    expected = [row for row in everything if row["risk_score"] >= limit]
    assert 0 < len(expected) < len(everything)
    assert run(acme, OVERDUE_CASES, minimum_risk=limit) == expected


# The flat file


@pytest.mark.parametrize("investigations", range(11))
def test_it_repeats_the_investigation_columns(acme: Path, investigations: int) -> None:
    dataset = flat_file(investigations)
    groups = list(dict.fromkeys(column.group for column in dataset.columns))
    assert groups == ["core", *(f"inv_{n}" for n in range(1, investigations + 1)), "tagged", "overflow"]
    assert len(run(acme, dataset)) == CASES


@pytest.mark.parametrize("investigations", [-1, 11])
def test_it_refuses_other_numbers_of_investigations(investigations: int) -> None:
    with pytest.raises(ValueError, match="0 to 10"):
        flat_file(investigations)


def test_it_has_at_least_thirty_core_columns() -> None:
    assert sum(column.group == "core" for column in flat_file(3).columns) >= 30


def test_it_repeats_the_same_row_whatever_is_spread(acme: Path) -> None:
    core = [column.key for column in CASES_ONLY.columns]
    assert [[row[key] for key in core] for row in run(acme, flat_file(3))] == [
        [row[key] for key in core] for row in run(acme, CASES_ONLY)
    ]


@pytest.mark.parametrize("investigations", [0, 2, 4])
def test_it_loses_no_investigation(acme: Path, investigations: int) -> None:
    expected: dict[str, list[str]] = {}
    for row in sorted(run(acme, INVESTIGATIONS_ONLY), key=lambda row: row["position"]):
        expected.setdefault(row["case_number"], []).append(row["investigation_number"])
    for row in run(acme, flat_file(investigations)):
        spread = [row[f"inv_{n}_number"] for n in range(1, investigations + 1)]
        further = json.loads(row["overflow"] or "{}").get("further_investigations", [])
        numbers = [number for number in spread if number] + [one["number"] for one in further]
        assert numbers == expected.get(row["case_number"], [])
        assert row["investigation_count"] == len(numbers)


def test_it_splits_custom_fields_into_tagged_and_overflow(acme: Path) -> None:
    engine = create_engine(f"sqlite:///{acme}")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT number, custom_fields AS fields FROM cases"))
        custom = {row.number: json.loads(row.fields) for row in found}
    engine.dispose()
    dataset = flat_file(4)
    tagged = [column.key for column in dataset.columns if column.group == "tagged"]
    assert len(tagged) == 5
    for row in run(acme, dataset):
        together = json.loads(row["overflow"] or "{}") | {
            key: row[key] for key in tagged if row[key] is not None
        }
        assert together == custom[row["case_number"]]


def test_it_marks_what_is_personal() -> None:
    personal = {column.key for column in flat_file(1).columns if "PII" in column.tags}
    assert personal == {"creator_name", "creator_email", "assignees", "assignee_emails", "inv_1_investigator"}
