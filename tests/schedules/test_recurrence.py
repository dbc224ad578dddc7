"""Recurrence: the shared calendar cases, tables by hand, and laws against a brute-force clock."""

import csv
import datetime as dt
import itertools
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzdata  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.schedules.recurrence import (
    check_fires,
    occurrences_after,
    planned_after,
    timezone_names,
    tzdata_version,
    zone,
)
from portal.schedules.rules import HolidayPolicy, Kind, Rule, parse_time
from tests.schedules.brute_force import DAY, MINUTE, Case, cases, expected, names_date

CASES = list(csv.DictReader((Path(__file__).parent / "recurrence_cases.csv").read_text("utf-8").splitlines()))
# A Sunday and the Monday after it.
OFF = frozenset({date(2026, 11, 22), date(2026, 11, 23)})


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
    runs = itertools.islice(occurrences_after(rule, timezone, utc(after), own_days=OFF), count)
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
            Rule(Kind.CRON, None, cron="30,45 2 * * *"),
            "Europe/Berlin",
            "2025-03-29T12:00:00Z",
            ["2025-03-30T01:30:00Z", "2025-03-30T01:45:00Z", "2025-03-31T00:30:00Z"],
            id="cron times in a gap are shifted by it",
        ),
        pytest.param(
            Rule(Kind.CRON, None, cron="30 2,3 * * *"),
            "Europe/Berlin",
            "2025-03-29T12:00:00Z",
            ["2025-03-30T01:30:00Z", "2025-03-31T00:30:00Z", "2025-03-31T01:30:00Z"],
            id="a cron time shifted onto another is one run with it",
        ),
        pytest.param(
            Rule(Kind.CRON, None, cron="20,40 2 * * *"),
            "Australia/Lord_Howe",
            "2025-10-04T00:00:00Z",
            ["2025-10-04T15:40:00Z", "2025-10-04T15:50:00Z", "2025-10-05T15:20:00Z"],
            id="a gap of half an hour carries 02:20 past 02:40",
        ),
        pytest.param(
            Rule(Kind.CRON, None, cron="*/30 2 * * *"),
            "Europe/Berlin",
            "2025-10-25T12:00:00Z",
            ["2025-10-26T00:00:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:00:00Z"],
            id="cron runs once in the repeated hour",
        ),
        pytest.param(
            Rule(Kind.CRON, None, cron="15,45 23 * * *"),
            "America/Scoresbysund",
            "2025-03-29T12:00:00Z",
            ["2025-03-30T01:15:00Z", "2025-03-30T01:45:00Z", "2025-03-31T00:15:00Z"],
            id="a gap just before midnight carries a run into the next day",
        ),
        pytest.param(
            Rule(
                Kind.CRON,
                None,
                cron="0 8 24-27 12 *",
                holidays=HolidayPolicy.BEFORE,
                country="DE",
                region="BE",
            ),
            "UTC",
            "2026-12-01T00:00:00Z",
            ["2026-12-24T08:00:00Z", "2026-12-27T08:00:00Z", "2027-12-24T08:00:00Z", "2027-12-27T08:00:00Z"],
            id="both days of Christmas run with the eve of it",
        ),
        pytest.param(
            Rule(Kind.DAILY, dt.time(8), holidays=HolidayPolicy.BEFORE),
            "UTC",
            "2026-11-19T12:00:00Z",
            ["2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z", "2026-11-24T08:00:00Z"],
            id="a Sunday off moves to Friday, before the Saturday that does not move",
        ),
        pytest.param(
            Rule(Kind.WEEKLY, dt.time(8), weekdays=(6,), holidays=HolidayPolicy.AFTER),
            "UTC",
            "2026-11-21T12:00:00Z",
            ["2026-11-24T08:00:00Z", "2026-11-29T08:00:00Z"],
            id="a Sunday off moves past the Monday off",
        ),
        pytest.param(
            Rule(Kind.WEEKLY, dt.time(8), weekdays=(6,), holidays=HolidayPolicy.AFTER),
            "UTC",
            "2026-11-24T07:59:00Z",
            ["2026-11-24T08:00:00Z", "2026-11-29T08:00:00Z"],
            id="an occurrence that was moved past the start is not forgotten",
        ),
        pytest.param(
            Rule(Kind.WEEKLY, dt.time(8), weekdays=(6,), holidays=HolidayPolicy.SKIP),
            "UTC",
            "2026-11-15T12:00:00Z",
            ["2026-11-29T08:00:00Z", "2026-12-06T08:00:00Z"],
            id="a Sunday off is skipped",
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


@pytest.mark.parametrize(("days", "expected"), [(31, ["2026-12-03T08:00:00Z"]), (32, [])])
def test_it_moves_an_occurrence_by_31_days_at_most(days: int, expected: list[str]) -> None:
    rule = Rule(Kind.DAILY, dt.time(8), ends_on=date(2026, 11, 2), holidays=HolidayPolicy.AFTER)
    off = frozenset(date(2026, 11, 2) + n * DAY for n in range(days))

    runs = list(occurrences_after(rule, "UTC", utc("2026-11-02T00:00:00Z"), own_days=off))

    assert runs == [utc(run) for run in expected]


# Where a rule ends


def ending(**bounds: Any) -> Rule:
    return Rule(Kind.WEEKLY, dt.time(8), weekdays=(0,), **bounds)


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        (ending(ends_on=date(2026, 12, 7)), "2026-11-30T08:00:00Z", ["2026-12-07T08:00:00Z"]),
        (ending(ends_on=date(2026, 12, 6)), "2026-11-30T08:00:00Z", []),
        (
            ending(starts_on=date(2026, 12, 1), count=2),
            "2020-01-01T00:00:00Z",
            ["2026-12-07T08:00:00Z", "2026-12-14T08:00:00Z"],
        ),
        (ending(starts_on=date(2026, 12, 1), count=2), "2026-12-07T08:00:00Z", ["2026-12-14T08:00:00Z"]),
        (ending(starts_on=date(2026, 12, 1), count=2), "2026-12-14T08:00:00Z", []),
        (
            ending(starts_on=date(2026, 12, 1), count=9, ends_on=date(2026, 12, 8)),
            "2020-01-01T00:00:00Z",
            ["2026-12-07T08:00:00Z"],
        ),
        # What a day off skips is counted.
        (
            ending(starts_on=date(2026, 11, 16), count=2, holidays=HolidayPolicy.SKIP),
            "2020-01-01T00:00:00Z",
            ["2026-11-16T08:00:00Z"],
        ),
        # Starts and ends are those of the rhythm: what moves past them runs.
        (
            ending(ends_on=date(2026, 11, 23), holidays=HolidayPolicy.AFTER),
            "2026-11-22T00:00:00Z",
            ["2026-11-24T08:00:00Z"],
        ),
        (
            ending(starts_on=date(2026, 11, 23), count=1, holidays=HolidayPolicy.BEFORE),
            "2026-11-01T00:00:00Z",
            ["2026-11-20T08:00:00Z"],
        ),
        (
            Rule(Kind.CRON, None, cron="0 8,9 * * *", starts_on=date(2026, 12, 1), count=3),
            "2020-01-01T00:00:00Z",
            ["2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z", "2026-12-02T08:00:00Z"],
        ),
    ],
)
def test_it_ends_with_the_rule(rule: Rule, after: str, expected: list[str]) -> None:
    assert next_runs(rule, "UTC", after, 9) == expected


@pytest.mark.parametrize(
    ("rule", "field", "sentence"),
    [
        (
            ending(ends_on=date(2025, 3, 4)),
            "ends_on",
            "Its last occurrence would have been on 3 March 2025.",
        ),
        (
            ending(starts_on=date(2025, 2, 24), count=2),
            "count",
            "Its last occurrence would have been on 3 March 2025.",
        ),
        (
            ending(starts_on=date(2026, 12, 8), ends_on=date(2026, 12, 13)),
            "ends_on",
            "No occurrence falls between its start and its end.",
        ),
        (
            ending(starts_on=date(2026, 11, 23), count=1, holidays=HolidayPolicy.SKIP),
            "count",
            "All its occurrences fall on days off.",
        ),
        (
            Rule(
                Kind.MONTHLY,
                dt.time(8),
                monthday=25,
                interval=12,
                starts_on=date(2026, 12, 1),
                holidays=HolidayPolicy.SKIP,
                country="DE",
            ),
            "holidays",
            "It would not run before 25 December 2101: all before that are days off.",
        ),
        (
            Rule(
                Kind.MONTHLY_LAST,
                dt.time(8),
                interval=12,
                starts_on=date(1820, 1, 1),
                ends_on=date(1900, 1, 1),
            ),
            "ends_on",
            "Its last occurrence would have been on 31 January 1899.",
        ),
    ],
)
def test_it_refuses_a_rule_that_does_not_run_any_more(rule: Rule, field: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_fires(rule, "Europe/Berlin", utc("2026-11-01T00:00:00Z"), OFF)
    assert (caught.value.field, str(caught.value)) == (field, sentence)


@pytest.mark.parametrize(
    "rule",
    [
        daily("08:00"),
        ending(ends_on=date(2026, 11, 2)),
        ending(starts_on=date(2026, 11, 1), count=1),
        ending(starts_on=date(2090, 1, 1)),
        Rule(Kind.CRON, None, cron="0 8 * 2 MON#5"),
    ],
)
def test_it_takes_a_rule_that_runs_once_more(rule: Rule) -> None:
    check_fires(rule, "Europe/Berlin", utc("2026-11-01T00:00:00Z"))


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


@pytest.mark.parametrize("module", ["portal.schedules.recurrence", "portal.cli"])
def test_it_never_reads_the_hosts_zones(module: str) -> None:
    # In a fresh process, where the host's copy has been read first and is on the path again by default.
    program = (
        "from zoneinfo import ZoneInfo; import zoneinfo\n"
        "kept = ZoneInfo('Europe/Berlin')\n"
        f"import {module}\n"
        "print(zoneinfo.TZPATH, ZoneInfo('Europe/Berlin') is kept)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "() False"


def test_it_knows_the_release_of_the_zones_it_uses() -> None:
    release = (Path(tzdata.__file__).parent / "zoneinfo" / "tzdata.zi").read_text().splitlines()[0]
    assert release == f"# version {tzdata_version()}"


def test_no_zone_is_as_far_from_utc_as_the_search_reaches() -> None:
    ever = [datetime(year, month, 1) for year in (1, *range(1830, 2101, 3)) for month in (1, 7)]  # noqa: DTZ001
    furthest = max(abs(zone(name).utcoffset(at) or timedelta()) for name in timezone_names() for at in ever)
    assert furthest == timedelta(hours=15, minutes=56, seconds=8)


# Laws

law = settings(deadline=None)  # a shared machine may stop for longer than any deadline


def runs_of(case: Case, after: datetime | None = None) -> Iterator[datetime]:
    return occurrences_after(case.rule, case.timezone, after or case.after, own_days=case.own_days)


@law
@given(cases())
def test_it_only_goes_forward(case: Case) -> None:
    runs = list(itertools.islice(runs_of(case), 20))
    assert all(earlier < later for earlier, later in itertools.pairwise([case.after, *runs]))
    assert all(run.tzinfo is UTC for run in runs)
    if case.rule.ends_on is None and case.rule.count is None:
        assert len(runs) == 20


@law
@given(cases(), st.integers(0, 40 * 1440))
def test_it_gives_the_same_runs_from_any_start(case: Case, minutes: int) -> None:
    runs = list(itertools.islice(runs_of(case), 12))
    for earlier, later in itertools.pairwise(runs):
        assert next(runs_of(case, earlier)) == later
    start = case.after + minutes * MINUTE
    later_runs = list(itertools.islice(runs_of(case, start), 12))
    rest = [run for run in runs if run > start]
    assert later_runs[: len(rest)] == rest


@law
@given(cases())
def test_it_leaves_the_wall_time_only_where_it_is_missing(case: Case) -> None:
    planned = planned_after(case.rule, case.timezone, case.after, own_days=case.own_days)
    for at, wall, _ in itertools.islice(planned, 12):
        local = at.astimezone(case.tz)
        first, second = (wall.replace(tzinfo=case.tz, fold=fold) for fold in (0, 1))
        if first.astimezone(UTC).astimezone(case.tz).replace(tzinfo=None) == wall:
            assert (local.replace(tzinfo=None), local.fold) == (wall, 0)
        else:
            gap = second.utcoffset() - first.utcoffset()  # type: ignore[operator] # a zone's offset is known
            assert timedelta() < gap <= DAY
            assert local.replace(tzinfo=None) == wall + gap


@law
@given(cases(tuple(set(Kind) - {Kind.CRON})))
def test_it_runs_once_a_nominal_date(case: Case) -> None:
    planned = itertools.islice(
        planned_after(case.rule, case.timezone, case.after, own_days=case.own_days), 12
    )
    nominal = [one.nominal for one in planned]
    assert len(set(nominal)) == len(nominal)
    assert all(wall.time() == case.rule.time and names_date(case, wall.date()) for wall in nominal)


@law
@given(cases(tuple(set(Kind) - {Kind.CRON, Kind.MONTHLY_BUSINESS_DAY}), bounded=False))
def test_it_misses_no_date_of_a_plain_rule(case: Case) -> None:
    nominal = [
        one.nominal.date() for one in itertools.islice(planned_after(case.rule, "UTC", case.after), 14)
    ]
    days = [nominal[0] + n * DAY for n in range((nominal[-1] - nominal[0]).days + 1)]
    assert nominal == [day for day in days if names_date(case, day)]


@settings(law, max_examples=30)
@given(cases())
def test_it_agrees_with_a_brute_force_scan(case: Case) -> None:
    until = case.after + 8 * DAY
    assert list(itertools.takewhile(lambda run: run <= until, runs_of(case))) == expected(case, 8)
