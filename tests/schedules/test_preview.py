"""The preview agrees with the dispatcher, and says which runs fall out of step."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any

import pytest

from portal.errors import InvalidInput
from portal.schedules.preview import upcoming
from portal.schedules.recurrence import occurrences_after
from portal.schedules.rules import HolidayPolicy, Kind, Rule

NIGHTLY = Rule(Kind.DAILY, time(2, 30))
MONDAYS = Rule(Kind.WEEKLY, time(8, 0), weekdays=(0,))
THIRTY_FIRST = Rule(Kind.MONTHLY, time(8, 0), monthday=31)


@pytest.mark.parametrize("rule", [NIGHTLY, MONDAYS, THIRTY_FIRST, Rule(Kind.MONTHLY_LAST, time(23, 59))])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"])
def test_it_shows_what_the_dispatcher_will_run(rule: Rule, timezone: str) -> None:
    after = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)

    shown = [occurrence.at for occurrence in upcoming(rule, timezone, after=after)]

    assert shown == list(islice(occurrences_after(rule, timezone, after), 5))


@pytest.mark.parametrize(
    ("rule", "after", "remarks"),
    [
        (MONDAYS, "2026-03-12", {"2026-03-30 08:00": "Clocks go forward on 29 March"}),
        (
            NIGHTLY,
            "2026-03-27",
            {"2026-03-29 03:30": "There is no 02:30 on this day: runs at 03:30"},
        ),
        (
            NIGHTLY,
            "2026-10-23",
            {
                "2026-10-25 02:30": "02:30 comes twice on this day: runs once, at the first",
                "2026-10-26 02:30": "Clocks go back on 25 October",
            },
        ),
        (
            THIRTY_FIRST,
            "2026-04-01",
            {
                "2026-04-30 08:00": "April has no day 31: runs on its last",
                "2026-06-30 08:00": "June has no day 31: runs on its last",
            },
        ),
    ],
)
def test_it_remarks_on_clock_changes_and_short_months(
    rule: Rule, after: str, remarks: dict[str, str]
) -> None:
    occurrences = upcoming(rule, "Europe/Berlin", after=datetime.fromisoformat(after).replace(tzinfo=UTC))

    found = {
        f"{it.local:%Y-%m-%d %H:%M}": "; ".join(remark.text for remark in it.remarks) for it in occurrences
    }
    assert {day: text for day, text in found.items() if text} == remarks


BEFORE_HOLIDAYS = Rule(
    Kind.DAILY,
    time(8, 0),
    holidays=HolidayPolicy.BEFORE,
    country="DE",
    region="BE",
    starts_on=date(2026, 12, 24),
)


def remarks_of(rule: Rule, timezone: str, after: str, **options: Any) -> dict[str, list[tuple[str, str]]]:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return {
        f"{it.local:%Y-%m-%d %H:%M}": [(remark.about, remark.text) for remark in it.remarks]
        for it in upcoming(rule, timezone, after=start, **options)
    }


def test_it_names_the_day_off_that_moves_a_run() -> None:
    rule = Rule(
        Kind.WEEKLY, time(8, 0), weekdays=(3, 4), holidays=HolidayPolicy.AFTER, country="DE", region="BE"
    )

    found = remarks_of(rule, "Europe/Berlin", "2026-12-19", count=3, own_days=frozenset({date(2026, 12, 24)}))

    # Both run on the Monday after: told is the first of them.
    assert found == {
        "2026-12-28 08:00": [("holiday", "Moved from Thursday, 24 December: day off of the organization")],
        "2026-12-31 08:00": [],
        "2027-01-04 08:00": [("holiday", "Moved from Friday, 1 January: New Year's Day")],
    }


def test_it_remarks_nothing_where_a_moved_run_joins_another() -> None:
    found = remarks_of(BEFORE_HOLIDAYS, "Europe/Berlin", "2026-12-20", count=3)

    assert found == {"2026-12-24 08:00": [], "2026-12-27 08:00": [], "2026-12-28 08:00": []}


@pytest.mark.parametrize(
    ("bounds", "days"),
    [
        ({"starts_on": date(2026, 12, 1), "count": 2}, ["2026-12-07", "2026-12-14"]),
        ({"ends_on": date(2026, 11, 30)}, ["2026-11-30"]),
        (
            {"ends_on": date(2026, 12, 28)},
            ["2026-11-30", "2026-12-07", "2026-12-14", "2026-12-21", "2026-12-28"],
        ),
    ],
)
def test_it_marks_the_last_run_and_shows_no_more(bounds: dict[str, Any], days: list[str]) -> None:
    found = remarks_of(replace(MONDAYS, **bounds), "UTC", "2026-11-25")

    assert list(found) == [f"{day} 08:00" for day in days]
    assert [remarks for remarks in found.values() if remarks] == [[("end", "Last run")]]
    assert found[f"{days[-1]} 08:00"] == [("end", "Last run")]


def test_it_marks_no_last_run_where_one_more_follows() -> None:
    found = remarks_of(replace(MONDAYS, ends_on=date(2027, 1, 4)), "UTC", "2026-11-25")

    assert list(found.values()) == [[]] * 5


def test_it_shows_nothing_once_the_rule_is_over() -> None:
    assert remarks_of(replace(MONDAYS, ends_on=date(2026, 11, 24)), "UTC", "2026-11-25") == {}


def test_it_remarks_on_cron_times_that_are_missing_or_come_twice() -> None:
    rule = Rule(Kind.CRON, None, cron="30,45 2 * * *")

    assert remarks_of(rule, "Europe/Berlin", "2026-03-28T12:00", count=3) == {
        "2026-03-29 03:30": [("clock", "There is no 02:30 on this day: runs at 03:30")],
        "2026-03-29 03:45": [("clock", "There is no 02:45 on this day: runs at 03:45")],
        "2026-03-30 02:30": [],
    }
    assert remarks_of(rule, "Europe/Berlin", "2026-10-24T12:00", count=2) == {
        "2026-10-25 02:30": [("clock", "02:30 comes twice on this day: runs once, at the first")],
        "2026-10-25 02:45": [("clock", "02:45 comes twice on this day: runs once, at the first")],
    }


@pytest.mark.parametrize(
    ("timezone", "at", "after", "local", "text"),
    [
        (
            "America/Scoresbysund",
            time(23, 30),
            "2025-03-29T12:00",
            "2025-03-30 00:30",
            "There is no 23:30 on 29 March: runs at 00:30 of the day after",
        ),
        (
            "Pacific/Apia",
            time(9, 0),
            "2011-12-30T00:00",
            "2011-12-31 09:00",
            "There is no 09:00 on 30 December: runs at 09:00 of the day after",
        ),
    ],
)
def test_it_names_the_date_where_a_gap_carries_a_run_into_the_next(
    timezone: str, at: time, after: str, local: str, text: str
) -> None:
    found = remarks_of(Rule(Kind.DAILY, at), timezone, after, count=1)

    assert found == {local: [("clock", text)]}


def test_it_refuses_an_unknown_timezone() -> None:
    with pytest.raises(InvalidInput, match="Did you mean Europe/Berlin"):
        upcoming(MONDAYS, "Europe/Berlni", after=datetime(2025, 1, 1, tzinfo=UTC))
