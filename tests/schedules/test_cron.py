"""Cron expressions: what is taken, what is refused and why, and the days and times they name."""

from datetime import date, time, timedelta
from itertools import islice, pairwise

import pytest

from portal.errors import InvalidInput
from portal.schedules import cron


def dates(expression: str, first: str, count: int) -> list[str]:
    return [f"{day}" for day in islice(cron.parse(expression).dates_from(date.fromisoformat(first)), count)]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("0 8 * * *", "0 8 * * *"),
        ("  0\t8  *  jan-mar\tMon ", "0 8 * JAN-MAR MON"),
        ("0 8 lw * *", "0 8 LW * *"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_it_keeps_one_form_of_an_expression(text: str, expression: str) -> None:
    assert cron.parse(text).expression == expression


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("5 8 * * *", [time(8, 5)]),
        ("30,0 19,7 * * *", [time(7, 0), time(7, 30), time(19, 0), time(19, 30)]),
        ("*/30 22-23 * * *", [time(22, 0), time(22, 30), time(23, 0), time(23, 30)]),
    ],
)
def test_it_lists_the_times_of_a_day(expression: str, times: list[time]) -> None:
    assert list(cron.parse(expression).times) == times


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 8 * * MON-FRI", ["2026-11-26", "2026-11-27", "2026-11-30"]),
        ("0 8 * * 7", ["2026-11-29", "2026-12-06"]),
        ("0 8 L * *", ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]),
        ("0 8 LW * *", ["2026-11-30", "2026-12-31", "2027-01-29"]),
        ("0 8 * * FRI#2", ["2026-12-11", "2027-01-08"]),
        ("0 8 * * 5L", ["2026-11-27", "2026-12-25"]),
        # No clamping: months without a 31st are left out.
        ("0 8 31 * *", ["2026-12-31", "2027-01-31", "2027-03-31"]),
        ("0 8 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("0 8 * 2 MON#5", ["2044-02-29", "2072-02-29"]),
        # Two restricted fields mean either; one that starts with a star means both (as Debian's cron has it).
        ("0 8 1 12 MON", ["2026-12-01", "2026-12-07", "2026-12-14"]),
        ("0 8 */10 12 TUE", ["2026-12-01", "2027-12-21"]),
    ],
)
def test_it_names_days(expression: str, expected: list[str]) -> None:
    assert dates(expression, "2026-11-26", len(expected)) == expected


def test_it_ends_with_the_calendar() -> None:
    assert dates("0 8 30,31 12 *", "9999-12-31", 5) == ["9999-12-31"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A cron expression has five fields, such as 0 8 * * MON-FRI; this has 0."),
        ("0 8 * *", "A cron expression has five fields, such as 0 8 * * MON-FRI; this has 4."),
        ("0 0 8 * * *", "A cron expression has five fields, such as 0 8 * * MON-FRI; this has 6."),
        ("@reboot", "A cron expression has five fields, such as 0 8 * * MON-FRI; this has 1."),
        (
            "60 8 * * *",
            "The minute of a cron expression can't be “60”: it is 0 to 59, such as 0 or 0,30 or */15.",
        ),
        (
            "0 24 * * *",
            "The hour of a cron expression can't be “24”: it is 0 to 23, such as 8 or 9-17 or */2.",
        ),
        (
            "0 8 0 * *",
            "The day of the month of a cron expression can't be “0”: it is 1 to 31, L for the last or LW for "
            "the last of Monday to Friday.",
        ),
        ("0 8 * 13 *", "The month of a cron expression can't be “13”: it is 1 to 12 or JAN to DEC."),
        (
            "0 8 * * MON#6",
            "The day of the week of a cron expression can't be “MON#6”: it is 0 (Sunday) to 7 or SUN to SAT, "
            "such as MON-FRI, FRI#2 (the second) or 5L (the last).",
        ),
        ("*/10 * * * *", "A schedule runs every 15 minutes at most; these runs would be 10 minutes apart."),
        ("0,50 8,9 * * *", "A schedule runs every 15 minutes at most; these runs would be 10 minutes apart."),
        ("59,0 23,0 * * *", "A schedule runs every 15 minutes at most; these runs would be a minute apart."),
        ("* 8 * * *", "A schedule runs every 15 minutes at most; these runs would be a minute apart."),
        ("0 8 31 2 *", "This cron expression never fires: its months have no such day."),
        ("0 8 31 4,6,9,11 *", "This cron expression never fires: its months have no such day."),
        ("0 8 */31 2 MON#5", "This cron expression never fires: no date is like that."),
        ("0 8 * * " + "1," * 100 + "1", "A cron expression has at most 200 characters."),
    ],
)
def test_it_refuses_an_expression_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        cron.parse(text)
    assert (caught.value.field, str(caught.value)) == ("cron", sentence)


@pytest.mark.parametrize(
    "text", ["? 8 * * *", "0 8 L-2 * *", "0 8 15W * *", "0 8 5-2 * *", "1,,2 8 * * *", "*/0 8 * * *"]
)
def test_it_refuses_what_other_crons_have(text: str) -> None:
    with pytest.raises(InvalidInput, match="of a cron expression can't be"):
        cron.parse(text)


@pytest.mark.parametrize("text", ["0,15,30,45 * * * *", "0,45 23 * * *", "15 0 * * *"])
def test_it_takes_what_is_a_quarter_of_an_hour_apart(text: str) -> None:
    times = cron.parse(text).times
    assert times == tuple(sorted(times))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 8 21 * *", "At 08:00 on the 21st day of every month"),
        ("0 8 22 * *", "At 08:00 on the 22nd day of every month"),
        ("0 8 12 * *", "At 08:00 on the 12th day of every month"),
        ("0 8 LW * *", "At 08:00 on the last weekday of every month"),
    ],
)
def test_it_says_an_expression_in_english(expression: str, words: str) -> None:
    assert cron.parse(expression).in_words() == words


def test_it_finds_the_rarest_day_within_all_calendars() -> None:
    # A fifth Monday of February: 28 years apart, and 40 around a year such as 2100 that is no leap year.
    found = [date.fromisoformat(day) for day in dates("0 8 * 2 MON#5", "2001-01-01", 5)]
    assert max(later - earlier for earlier, later in pairwise(found)) < timedelta(days=41 * 365)
