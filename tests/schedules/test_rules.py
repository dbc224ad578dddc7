"""Rules: what makes sense, what is refused at which field, and the form in which they are kept."""

import datetime as dt
import json
from datetime import UTC
from typing import Any

import pytest

from portal.errors import InvalidInput
from portal.schedules.rules import HolidayPolicy, Kind, Rule, parse_time

START = dt.date(2026, 12, 1)
DAILY: dict[str, Any] = {"kind": Kind.DAILY, "time": dt.time(8)}
WEEKLY: dict[str, Any] = {"kind": Kind.WEEKLY, "time": dt.time(8), "weekdays": (0,)}
LAST_OF_MONTH: dict[str, Any] = {"kind": Kind.MONTHLY_LAST, "time": dt.time(8)}


def daily(time: str) -> Rule:
    return Rule(Kind.DAILY, parse_time(time))


def weekly(time: str, *weekdays: int) -> Rule:
    return Rule(Kind.WEEKLY, parse_time(time), weekdays=weekdays)


def monthly(time: str, monthday: int) -> Rule:
    return Rule(Kind.MONTHLY, parse_time(time), monthday=monthday)


def monthly_last(time: str) -> Rule:
    return Rule(Kind.MONTHLY_LAST, parse_time(time))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("time", {"kind": Kind.DAILY, "time": dt.time(8, 0, 30)}),
        ("time", {"kind": Kind.DAILY, "time": dt.time(8, 0, 0, 1)}),
        ("time", {"kind": Kind.DAILY, "time": dt.time(8, 0, tzinfo=UTC)}),
        ("time", {"kind": Kind.DAILY, "time": dt.time(8, 0, fold=1)}),
        ("weekday", {"kind": Kind.WEEKLY, "time": dt.time(8)}),
        ("weekday", {"kind": Kind.WEEKLY, "time": dt.time(8), "weekdays": (7,)}),
        ("weekday", {"kind": Kind.WEEKLY, "time": dt.time(8), "weekdays": (0, -1)}),
        ("weekday", {"kind": Kind.DAILY, "time": dt.time(8), "weekdays": (0,)}),
        ("weekday", {"kind": Kind.MONTHLY, "time": dt.time(8), "weekdays": (0,), "monthday": 1}),
        ("monthday", {"kind": Kind.MONTHLY, "time": dt.time(8)}),
        ("monthday", {"kind": Kind.MONTHLY, "time": dt.time(8), "monthday": 0}),
        ("monthday", {"kind": Kind.MONTHLY, "time": dt.time(8), "monthday": 32}),
        ("monthday", {"kind": Kind.MONTHLY_LAST, "time": dt.time(8), "monthday": 31}),
        ("monthday", {"kind": Kind.DAILY, "time": dt.time(8), "monthday": 1}),
        ("time", {"kind": Kind.DAILY, "time": None}),
        ("time", {"kind": Kind.CRON, "time": dt.time(8), "cron": "0 8 * * *"}),
        ("weekday", {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "nth": 1}),
        ("weekday", {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "nth": 1, "weekdays": (0, 1)}),
        ("nth", {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "weekdays": (0,)}),
        ("nth", {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "weekdays": (0,), "nth": 5}),
        ("nth", {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "weekdays": (0,), "nth": 0}),
        ("nth", {"kind": Kind.MONTHLY_BUSINESS_DAY, "time": dt.time(8), "nth": 21}),
        ("nth", {"kind": Kind.MONTHLY_BUSINESS_DAY, "time": dt.time(8), "nth": -2}),
        ("nth", {"kind": Kind.MONTHLY_BUSINESS_DAY, "time": dt.time(8)}),
        ("nth", {"kind": Kind.DAILY, "time": dt.time(8), "nth": 1}),
        ("interval", {**DAILY, "interval": 2, "starts_on": START}),
        ("interval", {**DAILY, "interval": 0}),
        ("interval", {**WEEKLY, "interval": 53, "starts_on": START}),
        ("interval", {**LAST_OF_MONTH, "interval": 25, "starts_on": START}),
        ("starts_on", {**WEEKLY, "interval": 2}),
        ("cron", {"kind": Kind.CRON, "time": None}),
        ("cron", {"kind": Kind.CRON, "time": None, "cron": ""}),
        ("cron", {"kind": Kind.CRON, "time": None, "cron": "0 8 31 2 *"}),
        ("cron", {**DAILY, "cron": "0 8 * * *"}),
        ("ends_on", {**DAILY, "starts_on": START, "ends_on": START - dt.timedelta(days=1)}),
        ("count", {**DAILY, "starts_on": START, "count": 0}),
        ("count", {**DAILY, "starts_on": START, "count": 1001}),
        ("starts_on", {**DAILY, "count": 5}),
        ("holidays", {**DAILY, "country": "DE"}),
        (
            "holidays",
            {"kind": Kind.MONTHLY_BUSINESS_DAY, "time": dt.time(8), "nth": 1, "holidays": HolidayPolicy.SKIP},
        ),
        ("country", {**DAILY, "holidays": HolidayPolicy.SKIP, "country": "XX"}),
        ("country", {**DAILY, "holidays": HolidayPolicy.SKIP, "country": ""}),
        ("country", {**DAILY, "holidays": HolidayPolicy.SKIP, "region": "BE"}),
        ("region", {**DAILY, "holidays": HolidayPolicy.SKIP, "country": "DE", "region": "XX"}),
    ],
)
def test_it_refuses_a_rule_that_makes_no_sense(field: str, arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Rule(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "arguments",
    [
        {**DAILY, "starts_on": START, "ends_on": START},
        {**WEEKLY, "interval": 52, "starts_on": START, "count": 1000},
        {**LAST_OF_MONTH, "interval": 24, "starts_on": START},
        {"kind": Kind.MONTHLY_WEEKDAY, "time": dt.time(8), "weekdays": (6,), "nth": 4},
        {"kind": Kind.MONTHLY_BUSINESS_DAY, "time": dt.time(8), "nth": 20, "country": "DE"},
        {**DAILY, "holidays": HolidayPolicy.AFTER},
    ],
)
def test_it_takes_a_rule_at_its_limits(arguments: dict[str, Any]) -> None:
    rule = Rule(**arguments)
    assert Rule.from_dict(rule.to_dict()) == rule


def test_it_says_what_to_choose_instead_of_a_fifth_weekday() -> None:
    with pytest.raises(InvalidInput, match="Some months have no fifth one: choose 1 to 4, or the last"):
        Rule(Kind.MONTHLY_WEEKDAY, dt.time(8), weekdays=(0,), nth=5)


def test_it_keeps_a_cron_expression_in_one_form() -> None:
    assert Rule(Kind.CRON, None, cron=" 0  8 * * mon-fri").cron == "0 8 * * MON-FRI"


def test_it_keeps_weekdays_sorted_and_once() -> None:
    assert weekly("08:00", 4, 0, 4) == weekly("08:00", 0, 4)
    assert weekly("08:00", 4, 0, 4).weekdays == (0, 4)


@pytest.mark.parametrize(
    ("rule", "form"),
    [
        (daily("08:00"), {"kind": "daily", "time": "08:00", "weekdays": [], "monthday": None}),
        (weekly("23:05", 6, 0), {"kind": "weekly", "time": "23:05", "weekdays": [0, 6], "monthday": None}),
        (monthly("00:00", 31), {"kind": "monthly", "time": "00:00", "weekdays": [], "monthday": 31}),
        (monthly_last("12:30"), {"kind": "monthly_last", "time": "12:30", "weekdays": [], "monthday": None}),
        (
            Rule(Kind.CRON, None, cron="0 8 * * *", ends_on=START),
            {
                "kind": "cron",
                "time": None,
                "weekdays": [],
                "monthday": None,
                "cron": "0 8 * * *",
                "ends_on": "2026-12-01",
            },
        ),
        (
            Rule(
                Kind.MONTHLY_WEEKDAY,
                dt.time(8),
                weekdays=(4,),
                nth=-1,
                interval=3,
                starts_on=START,
                count=8,
                holidays=HolidayPolicy.BEFORE,
                country="DE",
                region="BE",
            ),
            {
                "kind": "monthly_weekday",
                "time": "08:00",
                "weekdays": [4],
                "monthday": None,
                "nth": -1,
                "interval": 3,
                "starts_on": "2026-12-01",
                "count": 8,
                "holidays": "before",
                "country": "DE",
                "region": "BE",
            },
        ),
    ],
)
def test_it_keeps_a_rule_as_json(rule: Rule, form: dict[str, object]) -> None:
    assert rule.to_dict() == form
    assert json.loads(json.dumps(form)) == form
    assert Rule.from_dict(form) == rule


def test_it_checks_a_rule_read_back() -> None:
    with pytest.raises(InvalidInput):
        Rule.from_dict({"kind": "monthly", "time": "08:00", "weekdays": [], "monthday": 40})
    with pytest.raises(ValueError, match="sometimes"):
        Rule.from_dict({"kind": "daily", "time": "08:00", "holidays": "sometimes"})
    with pytest.raises(ValueError, match="hourly"):
        Rule.from_dict({"kind": "hourly", "time": "08:00", "weekdays": [], "monthday": None})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08:00", dt.time(8, 0)),
        ("8:05", dt.time(8, 5)),
        ("00:00", dt.time(0, 0)),
        ("23:59", dt.time(23, 59)),
        (" 12:30 ", dt.time(12, 30)),
    ],
)
def test_it_reads_a_time(text: str, expected: dt.time) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "24:00",
        "12:60",
        "08:00:00",
        "8:5",
        "08.00",
        "8:00 am",
        "\u0660\u0668:\u0660\u0660",
        "-1:00",
        "08:00\n09:00",
    ],
)
def test_it_refuses_a_time(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_time(text)
    assert caught.value.field == "time"
