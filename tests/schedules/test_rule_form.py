"""The fields that say when a schedule runs: which rule they make, and what is wrong at which."""

from datetime import date, time
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from portal.schedules.rule_form import RuleForm, values_of_rule
from portal.schedules.rules import LAST, HolidayPolicy, Kind, Rule
from tests.factories import NOW

AT = time(8, 0)
BIWEEKLY = {"rhythm": "weekly", "weekday": "0", "weeks": "2"}


def filled(**changes: Any) -> RuleForm:
    values = {"rhythm": "daily", "time": "08:00", "timezone": "Europe/Berlin", **changes}
    return RuleForm(MultiDict(values))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, Rule(Kind.DAILY, AT)),
        (
            {"rhythm": "weekly", "weekday": ["4", "0"], "months": "x"},
            Rule(Kind.WEEKLY, AT, weekdays=(0, 4)),
        ),
        ({"rhythm": "monthly", "monthday": "31"}, Rule(Kind.MONTHLY, AT, monthday=31)),
        ({"rhythm": "monthly", "monthly": "last"}, Rule(Kind.MONTHLY_LAST, AT)),
        (
            {"rhythm": "monthly", "monthly": "weekday", "nth_weekday": "-1", "month_weekday": "4"},
            Rule(Kind.MONTHLY_WEEKDAY, AT, weekdays=(4,), nth=LAST),
        ),
        (
            {"rhythm": "monthly", "monthly": "business", "nth_business": "3", "holidays": "skip"},
            Rule(Kind.MONTHLY_BUSINESS_DAY, AT, nth=3),
        ),
        (
            {
                "rhythm": "monthly",
                "monthly": "business",
                "nth_business": "-1",
                "country": "DE",
                "region": "BE",
            },
            Rule(Kind.MONTHLY_BUSINESS_DAY, AT, nth=LAST, country="DE", region="BE"),
        ),
        (
            {"rhythm": "cron", "cron": " 0 8 * *  mon-fri ", "time": "nonsense"},
            Rule(Kind.CRON, None, cron="0 8 * * MON-FRI"),
        ),
        ({"ends": "never", "ends_on": "2020-01-01", "count": "x"}, Rule(Kind.DAILY, AT)),
        ({"ends": "on", "ends_on": "2026-12-31"}, Rule(Kind.DAILY, AT, ends_on=date(2026, 12, 31))),
        (
            {"starts_on": "2026-01-01", "ends": "after", "count": "10"},
            Rule(Kind.DAILY, AT, starts_on=date(2026, 1, 1), count=10),
        ),
        ({"holidays": "run", "country": "DE"}, Rule(Kind.DAILY, AT)),
        (
            {"holidays": "before", "country": "US", "region": "CA"},
            Rule(Kind.DAILY, AT, holidays=HolidayPolicy.BEFORE, country="US", region="CA"),
        ),
        ({"holidays": "skip", "region": "CA"}, Rule(Kind.DAILY, AT, holidays=HolidayPolicy.SKIP)),
    ],
)
def test_it_makes_the_rule_of_the_fields_in_use(changes: dict[str, Any], rule: Rule) -> None:
    form = filled(**changes)

    assert form.validate(), form.errors
    assert form.rule(NOW) == rule


@pytest.mark.parametrize(
    ("changes", "starts_on"),
    [
        (BIWEEKLY, date(2025, 3, 10)),  # now is Monday the 3rd, past 08:00
        ({**BIWEEKLY, "time": "23:00"}, date(2025, 3, 3)),
        ({**BIWEEKLY, "starts_on": "2025-02-01"}, date(2025, 2, 1)),
        ({"rhythm": "monthly", "monthday": "2", "months": "3"}, date(2025, 4, 2)),
        ({"ends": "after", "count": "3"}, date(2025, 3, 4)),
        # The rhythm's own date, though Easter Monday itself is skipped.
        (
            {
                "rhythm": "cron",
                "cron": "0 8 21 4 *",
                "ends": "after",
                "count": "3",
                "holidays": "skip",
                "country": "DE",
            },
            date(2025, 4, 21),
        ),
        ({"rhythm": "weekly", "weekday": "0"}, None),
    ],
)
def test_it_counts_from_the_next_date_where_no_start_is_given(
    changes: dict[str, Any], starts_on: date | None
) -> None:
    assert filled(**changes).rule(NOW).starts_on == starts_on


def test_it_counts_business_days_with_the_organizations_days_off() -> None:
    form = filled(rhythm="monthly", monthly="business", nth_business="1", months="3")

    assert form.rule(NOW).starts_on == date(2025, 4, 1)
    assert form.rule(NOW, frozenset({date(2025, 4, 1)})).starts_on == date(2025, 4, 2)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"rhythm": "hourly"}, "rhythm", "Choose how often it runs."),
        ({"rhythm": "weekly", "weekday": "0", "weeks": "two"}, "weeks", "Give a whole number such as 2."),
        ({**BIWEEKLY, "weeks": "53"}, "weeks", "It can run every 1 to 52 weeks."),
        ({**BIWEEKLY, "weeks": "0"}, "weeks", "It can run every 1 to 52 weeks."),
        ({"rhythm": "monthly", "months": "25"}, "months", "It can run every 1 to 24 months."),
        ({"rhythm": "monthly", "monthly": "never"}, "monthly", "Choose on which day of the month it runs."),
        (
            {"rhythm": "monthly", "monthly": "weekday", "nth_weekday": "5"},
            "nth_weekday",
            "Some months have no fifth one",
        ),
        (
            {"rhythm": "monthly", "monthly": "weekday", "month_weekday": "9"},
            "month_weekday",
            "Choose the one weekday",
        ),
        (
            {"rhythm": "monthly", "monthly": "business", "nth_business": "x"},
            "nth_business",
            "Choose which one of the month",
        ),
        ({"rhythm": "cron", "cron": ""}, "cron", "Give a cron expression of five fields"),
        ({"rhythm": "cron", "cron": "0 8 * *"}, "cron", "A cron expression has five fields"),
        ({"rhythm": "cron", "cron": "* * * * *"}, "cron", "15 minutes"),
        ({"starts_on": "soon"}, "starts_on", "Give a date such as 2026-12-31."),
        ({"ends": "on"}, "ends_on", "Give the last day on which it runs."),
        ({"ends": "on", "ends_on": "31.12.2026"}, "ends_on", "Give a date such as 2026-12-31."),
        (
            {"starts_on": "2026-02-01", "ends": "on", "ends_on": "2026-01-01"},
            "ends_on",
            "Its end lies before its start.",
        ),
        ({"ends": "after"}, "count", "Give the number of runs after which it ends."),
        ({"ends": "after", "count": "0"}, "count", "The number of runs is from 1 to 1,000."),
        ({"ends": "after", "count": "12345"}, "count", "Give a whole number such as 2."),
        ({"holidays": "often"}, "holidays", "Choose what happens on holidays."),
        ({"holidays": "skip", "country": "XX"}, "country", "“XX” is not a country whose holidays are known."),
        ({"holidays": "skip", "country": "DE", "region": "CA"}, "region", "“CA” is not a region of Germany."),
    ],
)
def test_it_says_at_the_field_what_is_wrong(changes: dict[str, Any], field: str, message: str) -> None:
    form = filled(**changes)

    assert not form.validate()
    assert list(form.errors) == [field]
    assert message in form.errors[field][0]


def test_it_says_all_that_is_wrong_at_once() -> None:
    form = filled(
        rhythm="monthly",
        monthday="32",
        months="x",
        time="8",
        timezone="Mars",
        starts_on="y",
        ends="after",
        holidays="skip",
        country="XX",
    )

    assert not form.validate()
    assert set(form.errors) == {"monthday", "months", "time", "timezone", "starts_on", "count", "country"}


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Kind.DAILY, AT, starts_on=date(2026, 1, 1), count=10),
        Rule(Kind.WEEKLY, time(6, 30), weekdays=(0, 6), interval=2, starts_on=date(2026, 1, 1)),
        Rule(Kind.MONTHLY, AT, monthday=31, ends_on=date(2026, 12, 31)),
        Rule(Kind.MONTHLY_LAST, AT, interval=3, starts_on=date(2026, 1, 1)),
        Rule(Kind.MONTHLY_WEEKDAY, AT, weekdays=(6,), nth=4),
        Rule(Kind.MONTHLY_BUSINESS_DAY, AT, nth=LAST, country="DE", region="BE"),
        Rule(Kind.CRON, None, cron="0 9 * * FRI#2", holidays=HolidayPolicy.AFTER, country="US"),
    ],
)
def test_it_shows_a_rule_as_it_was_filled_in(rule: Rule) -> None:
    form = RuleForm(data={**values_of_rule(rule), "timezone": "Europe/Berlin"})

    assert form.rule(NOW) == rule


@pytest.mark.parametrize(
    ("country", "region", "some"),
    [
        ("DE", "BE", {"": "The whole country", "BE": "Berlin"}),
        ("DE", "CA", {"": "The whole country", "CA": "CA", "BE": "Berlin"}),
        ("XX", "", {"": "The whole country"}),
        ("", "", {"": "The whole country"}),
    ],
)
def test_it_offers_the_regions_of_the_country(country: str, region: str, some: dict[str, str]) -> None:
    form = filled(country=country, region=region)

    form.offer_regions()

    assert some.items() <= dict(form.region.choices).items()
    assert len(form.region.choices) > 10 or country != "DE"
