"""The dates a rule names, before days off and the clock have their say."""

from datetime import date, time
from itertools import islice
from typing import Any

import pytest

from portal.schedules.days_off import DaysOff
from portal.schedules.nominal import end_of, times_from
from portal.schedules.rules import Kind, Rule

EIGHT = time(8)
GERMANY = {"country": "DE", "region": "BE"}


def weekly(*weekdays: int, **options: Any) -> Rule:
    return Rule(Kind.WEEKLY, EIGHT, weekdays=weekdays, **options)


def weekday(day: int, nth: int, **options: Any) -> Rule:
    return Rule(Kind.MONTHLY_WEEKDAY, EIGHT, weekdays=(day,), nth=nth, **options)


def business_day(nth: int, **options: Any) -> Rule:
    return Rule(Kind.MONTHLY_BUSINESS_DAY, EIGHT, nth=nth, **options)


def monthly(monthday: int, **options: Any) -> Rule:
    return Rule(Kind.MONTHLY, EIGHT, monthday=monthday, **options)


def dates(rule: Rule, first: str, count: int, own_days: frozenset[date] = frozenset()) -> list[str]:
    days_off = DaysOff(rule.country, rule.region, own_days)
    return [str(at.date()) for at in islice(times_from(rule, date.fromisoformat(first), days_off), count)]


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        (Rule(Kind.DAILY, EIGHT), "2026-02-28", ["2026-02-28", "2026-03-01"]),
        (weekly(0, 4), "2026-11-25", ["2026-11-27", "2026-11-30", "2026-12-04"]),
        (monthly(31), "2026-11-30", ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]),
        (monthly(1), "2026-11-02", ["2026-12-01", "2027-01-01"]),
        (Rule(Kind.MONTHLY_LAST, EIGHT), "2028-02-01", ["2028-02-29", "2028-03-31"]),
        (weekday(1, 1), "2026-11-01", ["2026-11-03", "2026-12-01"]),
        (weekday(1, 4), "2026-11-25", ["2026-12-22", "2027-01-26"]),
        # The last one is the fifth where there are five.
        (weekday(0, -1), "2026-11-01", ["2026-11-30", "2026-12-28", "2027-01-25"]),
        (business_day(1), "2026-11-01", ["2026-11-02", "2026-12-01", "2027-01-01"]),
        (business_day(-1), "2026-10-01", ["2026-10-30", "2026-11-30"]),
        (business_day(1, **GERMANY), "2027-01-01", ["2027-01-04", "2027-02-01"]),
        # March has three holidays in Berlin and twenty business days; May has nineteen, so its last.
        (business_day(20, **GERMANY), "2027-02-01", ["2027-02-26", "2027-03-31"]),
        (business_day(20, **GERMANY), "2027-05-01", ["2027-05-31", "2027-06-28"]),
    ],
)
def test_it_names_the_dates_of_a_kind(rule: Rule, first: str, expected: list[str]) -> None:
    assert dates(rule, first, len(expected)) == expected


def test_a_month_without_a_business_day_has_none() -> None:
    december = frozenset(date(2026, 12, day) for day in range(1, 32))
    assert dates(business_day(-1), "2026-11-30", 3, december) == ["2026-11-30", "2027-01-29", "2027-02-26"]


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        # The week of the start counts, though its Monday lies before: 1 December 2026 is a Tuesday.
        (
            weekly(0, 4, interval=2, starts_on=date(2026, 12, 1)),
            "2026-11-01",
            ["2026-12-04", "2026-12-14", "2026-12-18", "2026-12-28"],
        ),
        (
            weekly(6, interval=52, starts_on=date(2020, 1, 1)),
            "2026-11-01",
            ["2026-12-27", "2027-12-26"],
        ),
        # The month of the start counts, though its day lies before.
        (monthly(1, interval=3, starts_on=date(2026, 12, 2)), "2026-11-01", ["2027-03-01", "2027-06-01"]),
        (monthly(31, interval=24, starts_on=date(2022, 2, 1)), "2026-11-01", ["2028-02-29", "2030-02-28"]),
        (
            weekday(4, -1, interval=3, starts_on=date(2026, 11, 1)),
            "2026-12-01",
            ["2027-02-26", "2027-05-28"],
        ),
    ],
)
def test_it_counts_weeks_and_months_from_the_start(rule: Rule, first: str, expected: list[str]) -> None:
    assert dates(rule, first, len(expected)) == expected


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        (Rule(Kind.DAILY, EIGHT), "9999-12-30", ["9999-12-30", "9999-12-31"]),
        (weekly(0, 4, 6), "9999-12-26", ["9999-12-26", "9999-12-27", "9999-12-31"]),
        (monthly(31), "9999-12-01", ["9999-12-31"]),
        (Rule(Kind.CRON, None, cron="0 8 31 * *"), "9999-12-01", ["9999-12-31"]),
    ],
)
def test_it_ends_with_the_calendar(rule: Rule, first: str, expected: list[str]) -> None:
    assert dates(rule, first, 9) == expected


@pytest.mark.parametrize("rule", [weekly(0), monthly(1), Rule(Kind.DAILY, EIGHT)])
def test_it_begins_with_the_calendar(rule: Rule) -> None:
    assert dates(rule, "0001-01-01", 1) == ["0001-01-01"]  # a Monday


def test_it_lists_the_times_of_a_day_in_order() -> None:
    rule = Rule(Kind.CRON, None, cron="30,0 19,7 * * *")
    found = [f"{at:%d %H:%M}" for at in islice(times_from(rule, date(2026, 11, 25), DaysOff()), 5)]
    assert found == ["25 07:00", "25 07:30", "25 19:00", "25 19:30", "26 07:00"]


@pytest.mark.parametrize(
    ("bounds", "end"),
    [
        ({}, "None"),
        ({"starts_on": date(2026, 12, 1)}, "None"),
        ({"ends_on": date(2026, 12, 1)}, "2026-12-01 23:59:59.999999"),
        ({"starts_on": date(2026, 12, 1), "count": 1}, "2026-12-01 08:00:00"),
        ({"starts_on": date(2026, 12, 1), "count": 1000}, "2029-08-26 08:00:00"),
        (
            {"starts_on": date(2026, 12, 1), "count": 1000, "ends_on": date(2027, 1, 1)},
            "2027-01-01 23:59:59.999999",
        ),
    ],
)
def test_it_knows_its_end(bounds: dict[str, Any], end: str) -> None:
    assert str(end_of(Rule(Kind.DAILY, EIGHT, **bounds), DaysOff())) == end


def test_business_days_are_counted_as_they_fall() -> None:
    december = frozenset(date(2026, 12, day) for day in range(1, 32))
    rule = business_day(1, starts_on=date(2026, 12, 1), count=2)
    assert dates(rule, "2026-12-01", 9) == ["2026-12-01", "2027-01-01"]
    assert dates(rule, "2026-12-01", 9, december) == ["2027-01-01", "2027-02-01"]
