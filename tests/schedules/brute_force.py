"""Recurrence said a second time, as slowly and plainly as can be, and rules to compare by.

Of `portal.schedules` only the rule itself is used: dates are asked one by one, the clock minute by minute.
"""

import calendar
import datetime as dt
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from hypothesis import strategies as st

from portal.schedules.recurrence import timezone_names
from portal.schedules.rules import HolidayPolicy, Kind, Rule

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MONTHLY = {Kind.MONTHLY, Kind.MONTHLY_LAST, Kind.MONTHLY_WEEKDAY, Kind.MONTHLY_BUSINESS_DAY}
PLACES = [(None, None), ("DE", "BE"), ("US", None), ("GB", "SCT"), ("SA", None), ("JP", None)]


@dataclass(frozen=True)
class Case:
    """A rule in a zone, from an instant, with an organization's days off."""

    rule: Rule
    timezone: str
    after: datetime
    own_days: frozenset[date]

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


# Rules

instants = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
timezones = st.sampled_from(timezone_names())
times = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))


@st.composite
def cases(draw: st.DrawFn, kinds: tuple[Kind, ...] = tuple(Kind), *, bounded: bool = True) -> Case:
    """Half of them near a change of the zone's offset, in time of day too: where mistakes live."""
    timezone, after, at = draw(timezones), draw(instants), draw(times)
    change = next_change(ZoneInfo(timezone), after.replace(second=0, microsecond=0))
    if change is not None and draw(st.booleans()):
        shown = (change + draw(st.integers(-130, 130)) * MINUTE).astimezone(ZoneInfo(timezone))
        at = shown.time().replace(second=0, microsecond=0, fold=0)
        after = change + draw(st.integers(-96, 48)) * timedelta(minutes=30)
    own_days = draw(st.frozensets(st.integers(-50, 50), max_size=12))
    rule = draw(rules(draw(st.sampled_from(kinds)), at, after.date(), bounded=bounded))
    return Case(rule, timezone, after, frozenset(after.date() + days * DAY for days in own_days))


@st.composite
def rules(draw: st.DrawFn, kind: Kind, at: dt.time, about: date, *, bounded: bool) -> Rule:
    chosen: dict[str, Any] = {**draw(_OF_KIND[kind])} if kind in _OF_KIND else {}
    if kind is Kind.CRON:
        chosen["cron"] = draw(cron_expressions(at))
    if bounded:
        chosen |= draw(_bounds(kind, about))
    if kind is Kind.MONTHLY_BUSINESS_DAY:
        chosen["country"], chosen["region"] = draw(st.sampled_from(PLACES))
    elif bounded and draw(st.booleans()):
        chosen["holidays"] = draw(st.sampled_from(list(HolidayPolicy)[1:]))
        chosen["country"], chosen["region"] = draw(st.sampled_from(PLACES))
    return Rule(kind, None if kind is Kind.CRON else at, **chosen)


_OF_KIND: dict[Kind, st.SearchStrategy[dict[str, Any]]] = {
    Kind.WEEKLY: st.sets(st.integers(0, 6), min_size=1).map(lambda days: {"weekdays": tuple(days)}),
    Kind.MONTHLY: st.integers(1, 31).map(lambda day: {"monthday": day}),
    Kind.MONTHLY_WEEKDAY: st.tuples(st.integers(0, 6), st.sampled_from([1, 2, 3, 4, -1])).map(
        lambda chosen: {"weekdays": (chosen[0],), "nth": chosen[1]}
    ),
    Kind.MONTHLY_BUSINESS_DAY: st.sampled_from([*range(1, 21), -1]).map(lambda nth: {"nth": nth}),
}


@st.composite
def _bounds(draw: st.DrawFn, kind: Kind, about: date) -> dict[str, object]:
    if draw(st.booleans()):
        return {}
    start = about + draw(st.integers(-90, 30)) * DAY
    chosen: dict[str, object] = {"starts_on": start}
    if kind is Kind.WEEKLY or kind in MONTHLY:
        chosen["interval"] = draw(st.integers(1, 4))
    if draw(st.booleans()):
        chosen["ends_on"] = start + draw(st.integers(0, 120)) * DAY
    if draw(st.booleans()):
        chosen["count"] = draw(st.integers(1, 80))
    return chosen


@st.composite
def cron_expressions(draw: st.DrawFn, at: dt.time) -> str:
    hours = draw(st.sets(st.integers(0, 23), max_size=4)) | {at.hour}
    minutes = {at.minute, (at.minute + 30) % 60} if draw(st.booleans()) else {at.minute}
    days = draw(st.sets(st.sampled_from([*map(str, range(1, 29)), "L"]), max_size=4))
    weekdays = draw(
        st.sets(st.sampled_from([*map(str, range(7)), "5L", "1L", "2#1", "3#2", "0#4"]), max_size=3)
    )
    months = draw(st.sets(st.integers(1, 12), max_size=6))
    if days and weekdays and not draw(st.booleans()):
        days = set()
    fields = [minutes, hours, days or "*", months or "*", weekdays or "*"]
    return " ".join("*" if field == "*" else ",".join(map(str, sorted(field, key=str))) for field in fields)


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


# The calendar, date by date


def is_off(case: Case, day: date) -> bool:
    country, region = case.rule.country, case.rule.region
    return day in case.own_days or (country is not None and day in _holidays(country, region, day.year))


@functools.cache
def _holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, region, years=year))


def is_business_day(case: Case, day: date) -> bool:
    return day.isoweekday() <= 5 and not is_off(case, day)


def names_date(case: Case, day: date) -> bool:
    """Does the rule's rhythm name this date, its number of runs apart?"""
    rule = case.rule
    if (rule.starts_on and day < rule.starts_on) or (rule.ends_on and day > rule.ends_on):
        return False
    return _in_interval(rule, day) and _is_its_day(case, day)


def _in_interval(rule: Rule, day: date) -> bool:
    if rule.interval == 1 or rule.starts_on is None:
        return True
    start = rule.starts_on
    if rule.kind is Kind.WEEKLY:
        weeks = (day - day.weekday() * DAY) - (start - start.weekday() * DAY)
        return weeks.days // 7 % rule.interval == 0
    return ((day.year - start.year) * 12 + day.month - start.month) % rule.interval == 0


def _is_its_day(case: Case, day: date) -> bool:
    rule = case.rule
    is_last = (day + DAY).day == 1
    if rule.kind is Kind.WEEKLY:
        return day.isoweekday() - 1 in rule.weekdays
    if rule.kind is Kind.MONTHLY:
        assert rule.monthday
        return day.day == rule.monthday or (is_last and day.day < rule.monthday)
    if rule.kind is Kind.MONTHLY_LAST:
        return is_last
    if rule.kind is Kind.MONTHLY_WEEKDAY:
        right = (day + 7 * DAY).month != day.month if rule.nth == -1 else (day.day + 6) // 7 == rule.nth
        return day.weekday() == rule.weekdays[0] and right
    if rule.kind is Kind.MONTHLY_BUSINESS_DAY:
        return _is_nth_business_day(case, day)
    return rule.kind is Kind.DAILY or cron_names(rule.cron or "", day)


def _is_nth_business_day(case: Case, day: date) -> bool:
    month = [day.replace(day=n + 1) for n in range(calendar.monthrange(day.year, day.month)[1])]
    business = [other for other in month if is_business_day(case, other)]
    nth = case.rule.nth
    assert nth
    return bool(business) and day == (business[-1] if nth == -1 else business[:nth][-1])


def cron_names(expression: str, day: date) -> bool:
    """Read the days of the expressions that `cron_expressions` writes."""
    _, _, days, months, weekdays = expression.split()
    if months != "*" and str(day.month) not in months.split(","):
        return False
    is_last = (day + DAY).day == 1
    by_day = str(day.day) in days.split(",") or ("L" in days and is_last)
    number = str(day.isoweekday() % 7)
    names = {number, f"{number}#{(day.day + 6) // 7}"}
    if (day + 7 * DAY).month != day.month:
        names.add(f"{number}L")
    by_weekday = bool(names & set(weekdays.split(",")))
    if "*" in (days, weekdays):
        return (days == "*" or by_day) and (weekdays == "*" or by_weekday)
    return by_day or by_weekday


def times_of(rule: Rule) -> list[dt.time]:
    if rule.time is not None:
        return [rule.time]
    minutes, hours, *_ = (rule.cron or "").split()
    return sorted(
        dt.time(int(hour), int(minute)) for hour in hours.split(",") for minute in minutes.split(",")
    )


# The clock, minute by minute

# The zones that, since 1950, were not whole minutes away from UTC, and a step that meets their minutes.
_ODD_SECONDS = {
    "Africa/Monrovia": timedelta(seconds=30),
    "Pacific/Niue": timedelta(seconds=20),
    "Pacific/Rarotonga": timedelta(seconds=4),
}


def expected(case: Case, days: int) -> list[datetime]:
    """Return what should run in the days after `case.after`.

    Watch a clock on the wall, and write down when each wall time first shows. A time that never shows runs as
    many minutes after the last minute before it as the hand has to go.
    """
    start, end = case.after, case.after + days * DAY
    shown = _first_shown(case.tz, start, days)
    found = set()
    for wall in _walls(case, start.date() - 2 * DAY, end.date() + 2 * DAY):
        before = next(minutes for minutes in range(2 * 1440) if wall - minutes * MINUTE in shown)
        found.add(shown[wall - before * MINUTE] + before * MINUTE)
    return sorted(instant for instant in found if start < instant <= end)


def _first_shown(tz: ZoneInfo, start: datetime, days: int) -> dict[datetime, datetime]:
    step = _ODD_SECONDS.get(tz.key, MINUTE) if start.year < 1973 else MINUTE
    whole = start.replace(second=0, microsecond=0)
    shown: dict[datetime, datetime] = {}
    for n in range(int(-4 * DAY / step), int((days + 4) * DAY / step)):
        instant = whole + n * step
        shown.setdefault(instant.astimezone(tz).replace(tzinfo=None, fold=0), instant)
    return shown


def _walls(case: Case, first: date, last: date) -> Iterator[datetime]:
    """Yield the wall times that run on the dates from `first` to `last`."""
    rule, counted = case.rule, 0
    begin = rule.starts_on if rule.count and rule.starts_on else first - 40 * DAY
    for n in range((last + 40 * DAY - begin).days):
        day = begin + n * DAY
        if not names_date(case, day):
            continue
        moved = _moved(case, day)
        for at in times_of(rule):
            counted += 1
            if (rule.count is None or counted <= rule.count) and moved and first <= moved <= last:
                yield datetime.combine(moved, at)


def _moved(case: Case, day: date) -> date | None:
    policy = case.rule.holidays
    if policy is HolidayPolicy.RUN or not is_off(case, day):
        return day
    if policy is HolidayPolicy.SKIP:
        return None
    towards = -DAY if policy is HolidayPolicy.BEFORE else DAY
    nearby = (day + n * towards for n in range(1, 32))
    return next((other for other in nearby if is_business_day(case, other)), None)
