"""Periods on the calendar: every preset, the edges of quarters and years, and days that clocks change."""

from datetime import UTC, datetime
from typing import Any

import pytest

from portal.datasets.periods import CALENDAR, PRESETS, describe, resolve
from portal.errors import InvalidInput

Chosen = dict[str, Any]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(chosen: Chosen, day: str) -> tuple[str, str]:
    """Return first day and day after the last, on a given day in UTC."""
    period = resolve(chosen, at=utc(f"{day}T12:00"), timezone="UTC")
    assert (period.start.hour, period.end.hour) == (0, 0)
    return period.start.date().isoformat(), period.end.date().isoformat()


WEDNESDAY = "2025-03-12"
TABLE = [
    ("today", WEDNESDAY, "2025-03-12", "2025-03-13"),
    ("yesterday", WEDNESDAY, "2025-03-11", "2025-03-12"),
    ("last_7_days", WEDNESDAY, "2025-03-05", "2025-03-12"),
    ("last_30_days", WEDNESDAY, "2025-02-10", "2025-03-12"),
    ("last_90_days", WEDNESDAY, "2024-12-12", "2025-03-12"),
    ("this_week", WEDNESDAY, "2025-03-10", "2025-03-17"),
    ("previous_week", WEDNESDAY, "2025-03-03", "2025-03-10"),
    ("this_month", WEDNESDAY, "2025-03-01", "2025-04-01"),
    ("previous_month", WEDNESDAY, "2025-02-01", "2025-03-01"),
    ("this_quarter", WEDNESDAY, "2025-01-01", "2025-04-01"),
    ("previous_quarter", WEDNESDAY, "2024-10-01", "2025-01-01"),
    ("this_year", WEDNESDAY, "2025-01-01", "2026-01-01"),
    ("previous_year", WEDNESDAY, "2024-01-01", "2025-01-01"),
    ("year_to_date", WEDNESDAY, "2025-01-01", "2025-03-13"),
    ("since_last_success", WEDNESDAY, "2025-02-10", "2025-03-12"),  # nobody knows of a success
]
EDGES = [
    ("this_week", "2025-03-10", "2025-03-10", "2025-03-17"),  # a Monday
    ("this_week", "2025-03-16", "2025-03-10", "2025-03-17"),  # a Sunday
    ("previous_week", "2025-01-01", "2024-12-23", "2024-12-30"),
    ("last_7_days", "2024-03-01", "2024-02-23", "2024-03-01"),
    ("last_30_days", "2024-03-01", "2024-01-31", "2024-03-01"),  # over a leap day
    ("this_month", "2024-02-29", "2024-02-01", "2024-03-01"),
    ("previous_month", "2024-03-31", "2024-02-01", "2024-03-01"),
    ("previous_month", "2025-01-15", "2024-12-01", "2025-01-01"),
    ("this_month", "2025-12-31", "2025-12-01", "2026-01-01"),
    ("this_quarter", "2025-03-31", "2025-01-01", "2025-04-01"),
    ("this_quarter", "2025-04-01", "2025-04-01", "2025-07-01"),
    ("this_quarter", "2025-06-30", "2025-04-01", "2025-07-01"),
    ("this_quarter", "2025-09-30", "2025-07-01", "2025-10-01"),
    ("this_quarter", "2025-12-31", "2025-10-01", "2026-01-01"),
    ("previous_quarter", "2025-04-01", "2025-01-01", "2025-04-01"),
    ("previous_quarter", "2025-12-31", "2025-07-01", "2025-10-01"),
    ("this_year", "2024-02-29", "2024-01-01", "2025-01-01"),
    ("previous_year", "2024-02-29", "2023-01-01", "2024-01-01"),
    ("year_to_date", "2024-02-29", "2024-01-01", "2024-03-01"),
    ("year_to_date", "2025-01-01", "2025-01-01", "2025-01-02"),
    ("yesterday", "2025-01-01", "2024-12-31", "2025-01-01"),
    ("yesterday", "2024-03-01", "2024-02-29", "2024-03-01"),
]


@pytest.mark.parametrize(("preset", "day", "first", "after"), TABLE + EDGES)
def test_it_knows_the_days_of_a_preset(preset: str, day: str, first: str, after: str) -> None:
    assert days({"preset": preset}, day) == (first, after)


def test_it_has_a_row_for_every_preset() -> None:
    assert [row[0] for row in TABLE] == list(PRESETS)


@pytest.mark.parametrize(
    ("timezone", "at", "start", "end"),
    [
        # clocks forward at 02:00 in New York: the day has 23 hours
        ("America/New_York", "2025-03-09T12:00", "2025-03-09T05:00", "2025-03-10T04:00"),
        # clocks back at 02:00: 25 hours
        ("America/New_York", "2025-11-02T12:00", "2025-11-02T04:00", "2025-11-03T05:00"),
        ("Europe/Berlin", "2025-03-30T12:00", "2025-03-29T23:00", "2025-03-30T22:00"),
        # midnight itself does not exist in Santiago: the day begins at 01:00 local time
        ("America/Santiago", "2025-09-07T12:00", "2025-09-07T04:00", "2025-09-08T03:00"),
        # midnight exists twice in Havana: the day begins at the first
        ("America/Havana", "2025-11-02T12:00", "2025-11-02T04:00", "2025-11-03T05:00"),
        # the day is that of the zone, not of UTC
        ("Pacific/Kiritimati", "2025-03-09T12:00", "2025-03-09T10:00", "2025-03-10T10:00"),
        ("Asia/Kolkata", "2025-03-09T20:00", "2025-03-09T18:30", "2025-03-10T18:30"),
    ],
)
def test_it_begins_and_ends_days_in_the_schedules_zone(timezone: str, at: str, start: str, end: str) -> None:
    period = resolve({"preset": "today"}, at=utc(at), timezone=timezone)

    assert (period.start, period.end) == (utc(start), utc(end))
    assert period.start.tzinfo is UTC


def test_it_finds_no_moment_in_a_day_that_a_zone_skipped() -> None:
    """Samoa went from 29 to 31 December 2011."""
    period = resolve(
        {"start": "2011-12-30", "end": "2011-12-30"}, at=utc("2012-01-05T12:00"), timezone="Pacific/Apia"
    )

    assert period.start == period.end == utc("2011-12-30T10:00")


def test_it_leaves_no_hour_out_between_two_weeks_over_a_change_of_clocks() -> None:
    before = resolve({"preset": "previous_week"}, at=utc("2025-03-12T12:00"), timezone="America/New_York")
    after = resolve({"preset": "this_week"}, at=utc("2025-03-12T12:00"), timezone="America/New_York")

    assert before.end == after.start == utc("2025-03-10T04:00")


@pytest.mark.parametrize(
    ("first", "last", "after"),
    [
        ("2025-03-09", "2025-03-09", "2025-03-10"),
        ("2024-02-28", "2024-02-29", "2024-03-01"),
        ("2015-03-12", "2025-03-12", "2025-03-13"),
        ("1900-01-01", "1900-12-31", "1901-01-01"),
        ("2999-12-31", "2999-12-31", "3000-01-01"),
    ],
)
def test_it_includes_both_days_of_two_dates(first: str, last: str, after: str) -> None:
    assert days({"start": first, "end": last}, WEDNESDAY) == (first, after)


@pytest.mark.parametrize(
    "chosen",
    [
        {"preset": "next_week"},
        {"preset": ""},
        {"preset": ["today"]},
        {"preset": None},
        {"preset": "last_n_days"},
        {"preset": "last_n_days", "days": 0},
        {"preset": "last_n_days", "days": 3661},
        {"preset": "last_n_days", "days": True},
        {"preset": "last_n_days", "days": "45"},
        {"preset": "last_n_days", "days": 1.0},
        {},
        {"start": "2025-03-09"},
        {"end": "2025-03-09"},
        {"start": "2025-03-09", "end": ""},
        {"start": "2025-02-29", "end": "2025-03-09"},
        {"start": "9 March", "end": "10 March"},
        {"start": None, "end": None},
        {"start": 20250309, "end": 20250310},
        {"start": "2025-03-10", "end": "2025-03-09"},
        {"start": "2015-03-12", "end": "2025-03-21"},
        {"start": "0001-01-01", "end": "0001-01-02"},
        {"start": "9999-12-31", "end": "9999-12-31"},
    ],
)
@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_it_refuses_what_is_no_period(chosen: Chosen, timezone: str) -> None:
    with pytest.raises(InvalidInput):
        resolve(chosen, at=utc("2025-03-12T12:00"), timezone=timezone)


def test_it_knows_any_number_of_days_before() -> None:
    period = resolve({"preset": "last_n_days", "days": 45}, at=utc("2025-03-12T12:00"), timezone="UTC")
    assert (period.start, period.end) == (utc("2025-01-26T00:00"), utc("2025-03-12T00:00"))


def test_it_says_a_period_in_words() -> None:
    assert describe({"preset": "last_n_days", "days": 1}) == "Last day"
    assert describe({"preset": "last_n_days", "days": 3660}) == "Last 3,660 days"
    assert describe({"preset": "last_30_days"}) == "Last 30 days"
    assert describe({"start": "2025-03-09", "end": "2025-03-10"}) == "2025-03-09 to 2025-03-10"


def test_since_last_success_is_from_that_instant_to_the_occurrence() -> None:
    due, before = utc("2025-03-12T12:30"), utc("2025-03-05T12:30")

    period = resolve({"preset": "since_last_success"}, at=due, timezone="Asia/Kolkata", since=before)

    assert (period.start, period.end) == (before, due)


def test_other_periods_know_no_success() -> None:
    due, before = utc("2025-03-12T12:30"), utc("2025-03-05T12:30")

    for chosen in ({"preset": "today"}, {"start": "2025-03-01", "end": "2025-03-02"}):
        assert resolve(chosen, at=due, timezone="UTC", since=before) == resolve(
            chosen, at=due, timezone="UTC"
        )


def test_what_has_no_runs_is_offered_no_period_since_one() -> None:
    assert [name for name in PRESETS if name not in CALENDAR] == ["since_last_success"]
