"""Every rule in plain words, the timezone last."""

from datetime import date, time
from typing import Any

import pytest

from portal.schedules.rules import HolidayPolicy, Kind, Rule
from portal.schedules.words import describe, short_date

EIGHT = time(8)
START = date(2026, 12, 1)


def weekly(*weekdays: int, **options: Any) -> Rule:
    return Rule(Kind.WEEKLY, EIGHT, weekdays=weekdays, **options)


def monthly(monthday: int, **options: Any) -> Rule:
    return Rule(Kind.MONTHLY, EIGHT, monthday=monthday, **options)


def cron(expression: str) -> Rule:
    return Rule(Kind.CRON, None, cron=expression)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(Kind.DAILY, EIGHT), "Every day at 08:00"),
        (weekly(0), "Every Monday at 08:00"),
        (weekly(3, 0), "Every Monday and Thursday at 08:00"),
        (weekly(0, 2, 4), "Every Monday, Wednesday and Friday at 08:00"),
        (
            weekly(0, 4, interval=2, starts_on=START),
            "Every 2 weeks on Monday and Friday at 08:00, from 1 Dec 2026",
        ),
        (monthly(28), "On day 28 of each month at 08:00"),
        (monthly(31), "On day 31 of each month (the last day where a month is shorter) at 08:00"),
        (
            monthly(1, interval=2, starts_on=START),
            "On day 1 of every second month at 08:00, from 1 Dec 2026",
        ),
        (monthly(1, interval=12, starts_on=START), "On day 1 of every December at 08:00, from 1 Dec 2026"),
        (
            monthly(1, interval=24, starts_on=START),
            "On day 1 of every second December at 08:00, from 1 Dec 2026",
        ),
        (Rule(Kind.MONTHLY_LAST, time(0)), "On the last day of each month at 00:00"),
        (
            Rule(Kind.MONTHLY_LAST, EIGHT, interval=22, starts_on=START),
            "On the last day of every 22nd month at 08:00, from 1 Dec 2026",
        ),
        (
            Rule(Kind.MONTHLY_WEEKDAY, EIGHT, weekdays=(1,), nth=2),
            "On the second Tuesday of each month at 08:00",
        ),
        (
            Rule(Kind.MONTHLY_WEEKDAY, EIGHT, weekdays=(4,), nth=-1, interval=3, starts_on=START),
            "On the last Friday of every third month at 08:00, from 1 Dec 2026",
        ),
        (
            Rule(Kind.MONTHLY_BUSINESS_DAY, EIGHT, nth=-1),
            "On the last business day of each month at 08:00",
        ),
        (
            Rule(Kind.MONTHLY_BUSINESS_DAY, EIGHT, nth=12, country="DE", region="BE"),
            "On the 12th business day in Germany (Berlin) of each month at 08:00",
        ),
        (cron("30 7,19 * * mon-fri"), "At 07:30 and 19:30 on Monday through Friday"),
        (cron("0 8 31 * *"), "At 08:00 on the 31st day of every month"),
        (cron("0 8 * * fri#2"), "At 08:00 on the second Friday of the month"),
        (cron("*/15 9-17 * * *"), "Every 15th minute from 09:00 through 17:59"),
    ],
)
def test_it_says_the_rhythm(rule: Rule, words: str) -> None:
    assert describe(rule, "Europe/Berlin") == f"{words}, Europe/Berlin"


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"starts_on": START}, "from 1 Dec 2026"),
        ({"ends_on": date(2027, 3, 31)}, "until 31 Mar 2027"),
        ({"starts_on": START, "ends_on": date(2027, 3, 31)}, "from 1 Dec 2026 to 31 Mar 2027"),
        ({"starts_on": START, "count": 1}, "once from 1 Dec 2026"),
        ({"starts_on": START, "count": 10}, "10 times from 1 Dec 2026"),
        (
            {"starts_on": START, "count": 1000, "ends_on": date(2027, 3, 31)},
            "1,000 times from 1 Dec 2026, until 31 Mar 2027 at the latest",
        ),
    ],
)
def test_it_says_where_it_starts_and_ends(bounds: dict[str, Any], words: str) -> None:
    assert describe(weekly(0, **bounds), "UTC") == f"Every Monday at 08:00, {words}, UTC"


@pytest.mark.parametrize(
    ("policy", "place", "words"),
    [
        (
            HolidayPolicy.SKIP,
            {"country": "DE", "region": "BE"},
            "but not when that is a holiday in Germany (Berlin) or a day off of the organization",
        ),
        (
            HolidayPolicy.BEFORE,
            {"country": "US"},
            "on the business day before when that is a holiday in the United States "
            "or a day off of the organization",
        ),
        (
            HolidayPolicy.AFTER,
            {},
            "on the business day after when that is a day off of the organization",
        ),
    ],
)
def test_it_says_what_happens_on_days_off(policy: HolidayPolicy, place: dict[str, Any], words: str) -> None:
    rule = weekly(0, holidays=policy, **place)
    assert describe(rule, "UTC") == f"Every Monday at 08:00, {words}, UTC"


def test_it_says_all_of_it_in_order_and_the_timezone_last() -> None:
    rule = weekly(0, starts_on=START, count=3, holidays=HolidayPolicy.SKIP)

    said = describe(rule, "America/New_York")

    assert said.rpartition(", ")[2] == "America/New_York"
    assert said.startswith("Every Monday at 08:00, 3 times from 1 Dec 2026, but not when that is")


def test_it_writes_a_date_short() -> None:
    assert short_date(date(2026, 2, 3)) == "3 Feb 2026"
