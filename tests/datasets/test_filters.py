"""What is chosen for a dataset: checked when saved, bound when due, in words on pages."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from portal.datasets.filters import bindings, filters_in_words, parameters_of, valid_filters
from portal.datasets.models import DatasetVersion
from portal.datasets.parameters import Parameter, ParameterKind
from portal.errors import InvalidInput

STATUSES = (("OPEN", "Open"), ("CLOSED", "Closed"))
PARAMETERS = (
    Parameter("period", "Opened", ParameterKind.PERIOD),
    Parameter("reviewed", "Reviewed", ParameterKind.PERIOD),
    Parameter("statuses", "Status", ParameterKind.MULTI_CHOICE, choices=STATUSES),
    Parameter("units", "Unit", ParameterKind.MULTI_CHOICE, choices_sql="SELECT 1, 2"),
    Parameter("severity", "Severity", ParameterKind.CHOICE, choices=(("HIGH", "High"),)),
    Parameter("text", "Title contains", ParameterKind.TEXT),
    Parameter("risk", "Risk of at least", ParameterKind.NUMBER),
    Parameter("mine", "Only mine", ParameterKind.BOOLEAN),
)
DUE = datetime(2025, 3, 12, 7, 0, tzinfo=UTC)


@pytest.fixture
def version() -> DatasetVersion:
    return DatasetVersion(
        number=1,
        sql="SELECT 1",
        parameters=[parameter.to_dict() for parameter in PARAMETERS],
        columns=[],
        key_columns=[],
    )


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({"period": {"preset": "today"}}, {"period": {"preset": "today"}}),
        ({"statuses": ["OPEN", "CLOSED"]}, {"statuses": ["OPEN", "CLOSED"]}),
        ({"statuses": ("OPEN",)}, {"statuses": ["OPEN"]}),
        ({"units": ["anything", 7]}, {"units": ["anything", "7"]}),
        ({"severity": "HIGH"}, {"severity": "HIGH"}),
        ({"text": "fraud"}, {"text": "fraud"}),
        ({"risk": "25"}, {"risk": 25}),
        ({"risk": 2.5}, {"risk": 2.5}),
        ({"risk": 0}, {"risk": 0}),
        ({"mine": False}, {"mine": False}),
        ({"period": None, "statuses": [], "text": "", "reviewed": {}}, {}),
        ({}, {}),
    ],
)
def test_it_keeps_what_was_chosen_and_drops_empty_answers(
    version: DatasetVersion, chosen: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert valid_filters(version, chosen) == kept


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"nonsense": "x"}, "filters"),
        ({"period": {"preset": "someday"}}, "period"),
        ({"reviewed": {"start": "2025-03-10", "end": "2025-03-09"}}, "reviewed"),
        ({"statuses": ["OPEN", "GONE"]}, "statuses"),
        ({"statuses": "OPEN"}, "statuses"),
        ({"severity": "LOW"}, "severity"),
        ({"risk": "high"}, "risk"),
        ({"risk": "nan"}, "risk"),
        ({"risk": 2**60}, "risk"),
        ({"risk": True}, "risk"),
        ({"mine": "perhaps"}, "mine"),
    ],
)
def test_it_refuses_what_the_dataset_does_not_offer_at_the_parameter(
    version: DatasetVersion, chosen: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        valid_filters(version, chosen)

    assert refused.value.field == field


def test_it_binds_the_occurrence_and_not_the_moment(version: DatasetVersion) -> None:
    filters = {"period": {"preset": "previous_week"}, "statuses": ["OPEN"], "risk": 25, "mine": False}

    values = bindings(parameters_of(version), filters, due_at=DUE, timezone="America/New_York", sqlite=True)

    assert values == {
        "due_at": "2025-03-12 07:00:00",
        "period_start": "2025-03-03 05:00:00",
        "period_end": "2025-03-10 04:00:00",
        "reviewed_start": None,
        "reviewed_end": None,
        "statuses": ["OPEN"],
        "statuses_any": 0,
        "units": [],
        "units_any": 1,
        "severity": None,
        "text": None,
        "risk": 25,
        "mine": False,
    }


def test_it_binds_instants_as_such_where_the_database_knows_them(version: DatasetVersion) -> None:
    filters = {"period": {"preset": "today"}}

    values = bindings(parameters_of(version), filters, due_at=DUE, timezone="UTC", sqlite=False)

    assert values["due_at"] == DUE
    assert values["period_start"] == datetime(2025, 3, 12, tzinfo=UTC)


def test_it_writes_sqlites_text_in_utc_whatever_zone_the_instant_came_in(version: DatasetVersion) -> None:
    india = DUE.astimezone(timezone(timedelta(hours=5, minutes=30)))

    values = bindings(parameters_of(version), {}, due_at=india, timezone="UTC", sqlite=True)

    assert values["due_at"] == "2025-03-12 07:00:00"


def test_it_says_filters_in_words(version: DatasetVersion) -> None:
    filters = {"period": {"preset": "last_7_days"}, "statuses": ["OPEN", "CLOSED"], "risk": 0}
    filters |= {"mine": False}

    words = dict(filters_in_words(version, filters))

    assert words["Opened"] == "Last 7 days"
    assert words["Reviewed"] == words["Severity"] == words["Unit"] == "all"
    assert words["Risk of at least"] == "0"
    assert list(words) == [parameter.label for parameter in PARAMETERS]
    assert words["Status"] == "Open, Closed"
    assert words["Only mine"] == "no"
