"""Recurrence: the shared calendar cases, tables by hand, and laws against a brute-force clock."""

import csv
import datetime as dt
import itertools
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.schedules.recurrence import (
    occurrences_after,
    timezone_names,
    zone,
)
from portal.schedules.rules import Kind, Rule, parse_time
from portal.schedules.words import describe

CASES = list(csv.DictReader((Path(__file__).parent / "recurrence_cases.csv").read_text("utf-8").splitlines()))
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def daily(time: str) -> Rule:
    return Rule(Kind.DAILY, parse_time(time))


def weekly(time: str, *weekdays: int) -> Rule:
    return Rule(Kind.WEEKLY, parse_time(time), weekdays=weekdays)


def monthly(time: str, monthday: int) -> Rule:
    return Rule(Kind.MONTHLY, parse_time(time), monthday=monthday)


def monthly_last(time: str) -> Rule:
    return Rule(Kind.MONTHLY_LAST, parse_time(time))


def next_runs(rule: Rule, timezone: str, after: str, count: int) -> list[str]:
    runs = itertools.islice(occurrences_after(rule, timezone, utc(after)), count)
    return [run.isoformat().replace("+00:00", "Z") for run in runs]


# The shared cases


def rule_of(case: dict[str, str]) -> Rule:
    return Rule(
        kind=Kind(case["kind"]),
        time=parse_time(case["time"]),
        weekdays=(int(case["weekday"]),) if case["weekday"] else (),
        monthday=int(case["monthday"]) if case["monthday"] else None,
    )


def test_it_knows_all_shared_cases() -> None:
    assert len(CASES) == 34


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_it_agrees_with_the_shared_case(case: dict[str, str]) -> None:
    assert next_runs(rule_of(case), case["timezone"], case["after_utc"], 1) == [case["expected_next_utc"]]


# Tables


@pytest.mark.parametrize(
    ("rule", "timezone", "after", "expected"),
    [
        pytest.param(
            daily("08:00"),
            "Europe/Berlin",
            "2025-03-28T12:00:00Z",
            ["2025-03-29T07:00:00Z", "2025-03-30T06:00:00Z", "2025-03-31T06:00:00Z"],
            id="daily keeps 08:00 when clocks go forward",
        ),
        pytest.param(
            daily("02:30"),
            "Europe/Berlin",
            "2025-10-25T00:30:00Z",
            ["2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"],
            id="daily runs once in the repeated hour",
        ),
        pytest.param(
            weekly("09:00", 4, 0),
            "UTC",
            "2025-01-01T00:00:00Z",
            ["2025-01-03T09:00:00Z", "2025-01-06T09:00:00Z", "2025-01-10T09:00:00Z"],
            id="weekly on two days, in the order of the week",
        ),
        pytest.param(
            monthly("06:00", 31),
            "UTC",
            "2024-01-31T06:00:00Z",
            ["2024-02-29T06:00:00Z", "2024-03-31T06:00:00Z", "2024-04-30T06:00:00Z"],
            id="day 31 clamps, and comes back",
        ),
        pytest.param(
            monthly("06:00", 1),
            "Pacific/Kiritimati",
            "2024-12-01T00:00:00Z",
            ["2024-12-31T16:00:00Z", "2025-01-31T16:00:00Z"],
            id="the first of the month at +14 is the day before in UTC",
        ),
        pytest.param(
            monthly_last("23:59"),
            "UTC",
            "2025-01-31T23:59:00Z",
            ["2025-02-28T23:59:00Z", "2025-03-31T23:59:00Z", "2025-04-30T23:59:00Z"],
            id="last day, strictly after",
        ),
        pytest.param(
            daily("09:00"),
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            ["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"],
            id="a skipped date and the next one are a single run",
        ),
    ],
)
def test_it_lists_the_runs(rule: Rule, timezone: str, after: str, expected: list[str]) -> None:
    assert next_runs(rule, timezone, after, len(expected)) == expected


def test_it_takes_after_in_any_zone() -> None:
    after = datetime(2025, 6, 1, 8, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert next(occurrences_after(daily("06:00"), "UTC", after)) == utc("2025-06-02T06:00:00Z")


def test_it_yields_utc() -> None:
    assert next(occurrences_after(daily("06:00"), "Asia/Tokyo", utc("2025-01-01T00:00:00Z"))).tzinfo is UTC


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("UTC", ["9999-12-30T20:00:00Z", "9999-12-31T20:00:00Z"]),
        ("Asia/Tokyo", ["9999-12-30T11:00:00Z", "9999-12-31T11:00:00Z"]),
        # 20:00 in New York on the last day is 01:00 UTC of a year that datetime does not have.
        ("America/New_York", ["9999-12-30T01:00:00Z", "9999-12-31T01:00:00Z"]),
    ],
)
def test_it_ends_cleanly_with_the_calendar(timezone: str, expected: list[str]) -> None:
    assert next_runs(daily("20:00"), timezone, "9999-12-30T00:00:00Z", 10) == expected


def test_it_starts_cleanly_with_the_calendar() -> None:
    assert next_runs(daily("00:00"), "Asia/Tokyo", "0001-01-01T00:00:00Z", 1) == ["0001-01-01T14:41:01Z"]


def test_it_refuses_a_naive_after_at_once() -> None:
    with pytest.raises(ValueError, match="zone"):
        occurrences_after(daily("06:00"), "UTC", datetime(2025, 1, 1))  # noqa: DTZ001


def test_it_refuses_an_unknown_zone_at_once() -> None:
    with pytest.raises(InvalidInput):
        occurrences_after(daily("06:00"), "Mars/Olympus", utc("2025-01-01T00:00:00Z"))


# Rules


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
    ],
)
def test_it_refuses_a_rule_that_makes_no_sense(field: str, arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Rule(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value).endswith(".")


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
    ],
)
def test_it_keeps_a_rule_as_json(rule: Rule, form: dict[str, object]) -> None:
    assert rule.to_dict() == form
    assert Rule.from_dict(form) == rule


def test_it_checks_a_rule_read_back() -> None:
    with pytest.raises(InvalidInput):
        Rule.from_dict({"kind": "monthly", "time": "08:00", "weekdays": [], "monthday": 40})
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


# Zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_it_finds_a_zone(name: str) -> None:
    assert zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "/etc/passwd", "../zones", "Europe/Berlin\0", "Factory", "CEST"]
)
def test_it_refuses_an_unknown_zone(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        zone(name)
    assert caught.value.field == "timezone"


def test_it_suggests_the_nearest_zone() -> None:
    with pytest.raises(InvalidInput, match=r"“europe/berlin” is not .* Did you mean Europe/Berlin\?"):
        zone("europe/berlin")


def test_it_lists_zones_sorted_and_usable() -> None:
    names = timezone_names()
    assert list(names) == sorted(set(names))
    assert {"America/New_York", "Europe/Berlin", "UTC"} <= set(names)
    assert all(zone(name).key == name for name in names)


def test_it_never_reads_the_hosts_zones() -> None:
    # In a fresh process, where the host's copy has been read first and is on the path again by default.
    program = (
        "from zoneinfo import ZoneInfo, TZPATH; import zoneinfo\n"
        "kept = ZoneInfo('Europe/Berlin')\n"
        "from portal.schedules import recurrence\n"
        "print(zoneinfo.TZPATH, recurrence.zone('Europe/Berlin') is kept)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "() False"


# Words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (daily("08:00"), "Every day at 08:00, Europe/Berlin"),
        (weekly("08:00", 0), "Every Monday at 08:00, Europe/Berlin"),
        (weekly("08:00", 3, 0), "Every Monday and Thursday at 08:00, Europe/Berlin"),
        (weekly("08:00", 0, 2, 4), "Every Monday, Wednesday and Friday at 08:00, Europe/Berlin"),
        (monthly("06:30", 28), "On day 28 of each month at 06:30, Europe/Berlin"),
        (
            monthly("06:30", 31),
            "On day 31 of each month (the last day where a month is shorter) at 06:30, Europe/Berlin",
        ),
        (monthly_last("00:00"), "On the last day of each month at 00:00, Europe/Berlin"),
    ],
)
def test_it_says_a_rule_in_words(rule: Rule, words: str) -> None:
    assert describe(rule, "Europe/Berlin") == words


# Laws. Years from 1973, when the last zone (Liberia) gave up offsets that are not whole minutes.

law = settings(deadline=None)  # a shared machine may stop for longer than any deadline
times = st.times().map(lambda time: time.replace(second=0, microsecond=0, fold=0))
rules = st.one_of(
    st.builds(Rule, kind=st.just(Kind.DAILY), time=times),
    st.builds(
        Rule,
        kind=st.just(Kind.WEEKLY),
        time=times,
        weekdays=st.sets(st.integers(0, 6), min_size=1).map(tuple),
    ),
    st.builds(Rule, kind=st.just(Kind.MONTHLY), time=times, monthday=st.integers(1, 31)),
    st.builds(Rule, kind=st.just(Kind.MONTHLY_LAST), time=times),
)
timezones = st.sampled_from(timezone_names())
instants = st.datetimes(datetime(1973, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def next_change(tz: ZoneInfo, start: datetime) -> datetime | None:
    """The minute within the next 370 days at which the zone's offset changes, if there is one."""
    days = [start + n * DAY for n in range(370)]
    for before, after in itertools.pairwise(days):
        if before.astimezone(tz).utcoffset() != after.astimezone(tz).utcoffset():
            minutes = [before + n * MINUTE for n in range(1, 1441)]
            return next(
                at for at in minutes if at.astimezone(tz).utcoffset() != before.astimezone(tz).utcoffset()
            )
    return None


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[Rule, str, datetime]:
    """A rule, a zone and an instant near a change of offset, on the clock too: where mistakes live."""
    rule, timezone, start = draw(rules), draw(timezones), draw(instants).replace(second=0, microsecond=0)
    change = next_change(ZoneInfo(timezone), start)
    if change is None:
        return rule, timezone, start
    shown = (change + draw(st.integers(-130, 130)) * MINUTE).astimezone(ZoneInfo(timezone))
    rule = replace(rule, time=shown.time().replace(second=0, microsecond=0, fold=0))
    return rule, timezone, change + draw(st.integers(-48, 48)) * timedelta(minutes=30)


def wall_time_exists(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)


def names_date(rule: Rule, day: date) -> bool:
    """The calendar again, said another way: does the rule name this date?"""
    if rule.kind is Kind.DAILY:
        return True
    if rule.kind is Kind.WEEKLY:
        return day.isoweekday() - 1 in rule.weekdays
    is_last = (day + DAY).day == 1
    if rule.kind is Kind.MONTHLY_LAST or rule.monthday is None:
        return is_last
    return day.day == rule.monthday or (is_last and day.day < rule.monthday)


@law
@given(rules, timezones, instants)
def test_it_only_goes_forward(rule: Rule, timezone: str, after: datetime) -> None:
    runs = list(itertools.islice(occurrences_after(rule, timezone, after), 20))
    assert len(runs) == 20
    assert all(earlier < later for earlier, later in itertools.pairwise([after, *runs]))


@law
@given(rules, timezones, instants)
def test_it_gives_the_same_runs_from_any_start(rule: Rule, timezone: str, after: datetime) -> None:
    runs = list(itertools.islice(occurrences_after(rule, timezone, after), 12))
    restarted = [after]
    for _ in runs:
        restarted.append(next(occurrences_after(rule, timezone, restarted[-1])))
    assert restarted[1:] == runs
    assert next(occurrences_after(rule, timezone, runs[0] - MINUTE)) == runs[0]


@law
@given(near_a_change())
def test_it_leaves_the_wall_time_only_where_it_is_missing(place: tuple[Rule, str, datetime]) -> None:
    rule, timezone, after = place
    tz = ZoneInfo(timezone)
    for run in itertools.islice(occurrences_after(rule, timezone, after), 8):
        local = run.astimezone(tz)
        if local.time() == rule.time and names_date(rule, local.date()):
            assert local.fold == 0
            continue
        # A gap is shorter than a day, or a whole day: the date it was meant for is this one or just before.
        meant = [datetime.combine(local.date() - n * DAY, rule.time, tzinfo=tz) for n in (0, 1)]
        assert any(names_date(rule, day.date()) and not wall_time_exists(day) for day in meant)


@law
@given(near_a_change())
def test_it_runs_once_a_nominal_date(place: tuple[Rule, str, datetime]) -> None:
    rule, timezone, after = place
    runs = list(itertools.islice(occurrences_after(rule, timezone, after), 8))
    # Between two runs no named date is left out and none runs twice: count the dates named in between.
    first, last = (run.astimezone(ZoneInfo(timezone)).date() for run in (runs[0], runs[-1]))
    days = [first + n * DAY for n in range(-1, (last - first).days + 1)]
    meant = {
        datetime.combine(day, rule.time, tzinfo=ZoneInfo(timezone)) for day in days if names_date(rule, day)
    }
    expected = {day.astimezone(UTC) for day in meant}
    assert set(runs) == {instant for instant in expected if runs[0] <= instant <= runs[-1]}


@law
@given(st.integers(1, 31), times, instants)
def test_it_misses_no_month(monthday: int, time: dt.time, after: datetime) -> None:
    rule = Rule(Kind.MONTHLY, time, monthday=monthday)
    runs = list(itertools.islice(occurrences_after(rule, "UTC", after), 14))
    months = [run.year * 12 + run.month for run in runs]
    assert months == list(range(months[0], months[0] + 14))
    assert all(names_date(rule, run.date()) for run in runs)


def brute_force(rule: Rule, timezone: str, start: datetime, days: int) -> list[datetime]:
    """Watch a clock on the wall, minute by minute, and write down when the rule's time first shows.

    A date on which it never shows runs as many minutes after the last minute before it as the hand has to go.
    """
    tz = ZoneInfo(timezone)
    shown: dict[datetime, datetime] = {}
    for minute in range(-3 * 1440, (days + 3) * 1440):
        instant = start + minute * MINUTE
        shown.setdefault(instant.astimezone(tz).replace(tzinfo=None, fold=0), instant)
    found = set()
    for n in range(-1, days + 2):
        day = start.date() + n * DAY
        if names_date(rule, day):
            meant = datetime.combine(day, rule.time)
            before = next(minutes for minutes in range(2 * 1440) if meant - minutes * MINUTE in shown)
            found.add(shown[meant - before * MINUTE] + before * MINUTE)
    return sorted(instant for instant in found if start < instant <= start + days * DAY)


@settings(law, max_examples=40)
@given(near_a_change())
def test_it_agrees_with_a_brute_force_scan(place: tuple[Rule, str, datetime]) -> None:
    rule, timezone, after = place
    until = after + 10 * DAY
    runs = itertools.takewhile(lambda run: run <= until, occurrences_after(rule, timezone, after))
    assert list(runs) == brute_force(rule, timezone, after, 10)
