"""When a schedule is due: rules on the wall clock of a timezone, and the UTC instants they mean.

Pure: knows no session, no request and no clock. The preview, the dispatcher, the calendar and the command
line all ask `occurrences_after`, so none of them can disagree with another.
"""

import difflib
import functools
import zoneinfo
from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

from portal.errors import InvalidInput
from portal.schedules.days_off import DaysOff
from portal.schedules.nominal import end_of, times_from
from portal.schedules.rules import HolidayPolicy, Rule

# Only PyPI's tzdata counts, never the host's copy: hosts differ from each other and lag behind (Debian's is
# wrong today for about 15 zones), and two of our machines must not fire one schedule at different instants.
# Zones that somebody loaded before this line came from the host and are forgotten.
zoneinfo.reset_tzpath(to=[])
ZoneInfo.clear_cache()

FURTHEST_MOVE = 31
LONGEST_WAIT = 41  # years: a fifth Monday of February comes back after at most 40

_DAY = timedelta(days=1)
_FURTHEST = FURTHEST_MOVE * _DAY
# No offset from UTC ever in use was as large (Manila's and Alaska's came near, before 1868): a wall time's
# instant is less than this from the same time in UTC.
_REACH = timedelta(hours=16)


class Planned(NamedTuple):
    """An occurrence: its instant in UTC, and the naive wall times it stands for.

    `nominal` is what the rhythm says; `wall` differs where a day off moved it. A gap may move `at` once more.
    """

    at: datetime
    wall: datetime
    nominal: datetime


def tzdata_version() -> str:
    """Return the release of the timezone database in use, such as `2026a`."""
    return str(tzdata.IANA_VERSION)


@functools.cache
def timezone_names() -> tuple[str, ...]:
    """Return the IANA names `zone` accepts, sorted."""
    # "Factory" is the database's placeholder for a machine nobody has set up, not a place.
    return tuple(sorted(zoneinfo.available_timezones() - {"Factory"}))


def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name, exactly as the database spells it.

    Raises InvalidInput(field="timezone") for any other text, naming the nearest zone if one is near.
    """
    # Asked before opening: a name is a path within tzdata, and ZoneInfo's errors vary with what lies there.
    if name in _known_names():
        return _opened(name)
    by_folded = {known.casefold(): known for known in timezone_names()}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    hint = f"Did you mean {by_folded[near[0]]}?" if near else "Use a name such as Europe/Berlin."
    raise InvalidInput(f"“{name}” is not a known timezone. {hint}", "timezone")


@functools.cache
def _opened(name: str) -> ZoneInfo:
    return ZoneInfo(name)  # which itself keeps eight only: the ninth zone would be read from its file again


@functools.cache
def _known_names() -> frozenset[str]:
    return frozenset(timezone_names())


def occurrences_after(
    rule: Rule, timezone: str, after: datetime, *, own_days: frozenset[date] = frozenset()
) -> Iterator[datetime]:
    """Yield the UTC instants of `rule` in `timezone` strictly after the aware `after`, strictly increasing.

    A local time that does not exist (clocks go forward) runs shifted by the length of the gap; one that
    exists twice (clocks go back) runs once, at its first copy; a date the zone skipped runs once, together
    with the date it is shifted onto. `own_days` are the organization's days off. Ends with the rule, or with
    the calendar in December 9999.
    Raises InvalidInput(field="timezone") at once for an unknown zone, ValueError for a naive `after`.
    """
    return (planned.at for planned in planned_after(rule, timezone, after, own_days=own_days))


def planned_after(
    rule: Rule, timezone: str, after: datetime, *, own_days: frozenset[date] = frozenset()
) -> Iterator[Planned]:
    """Yield what `occurrences_after` yields, with what each stands for. Raises the same."""
    if after.tzinfo is None:
        raise ValueError("`after` must know its zone")
    return _in_order(
        rule, zone(timezone), after.astimezone(UTC), DaysOff(rule.country, rule.region, own_days)
    )


def _in_order(rule: Rule, tz: ZoneInfo, after: datetime, days_off: DaysOff) -> Iterator[Planned]:
    latest = after
    for planned in _by_instant(rule, tz, after, days_off):
        if planned.at > latest:  # else its equal has run: a date that the zone skipped, or one that was moved
            latest = planned.at
            yield planned


def _by_instant(rule: Rule, tz: ZoneInfo, after: datetime, days_off: DaysOff) -> Iterator[Planned]:
    """Yield the occurrences after an instant, equal ones too.

    Instants of neighbouring wall times can swap places: where clocks skip a time, where one of two is moved
    before a holiday. So each waits until no later wall time can precede it.
    """
    lag = _REACH + (_FURTHEST if rule.holidays is HolidayPolicy.AFTER else timedelta())
    lead = _REACH + (_FURTHEST if rule.holidays is HolidayPolicy.BEFORE else timedelta())
    begin = after.replace(tzinfo=None)
    waiting: list[Planned] = []
    for nominal in times_from(rule, _first_day(begin, lag), days_off):
        if begin - nominal >= lag:
            continue
        while waiting and nominal - waiting[0].at.replace(tzinfo=None) >= lead:
            yield heappop(waiting)
        wall = _off_days_off(rule, nominal, days_off)
        instant = wall and _instant(wall, tz)
        if wall and instant and instant > after:
            heappush(waiting, Planned(instant, wall, nominal))
    while waiting:
        yield heappop(waiting)


def _first_day(begin: datetime, lag: timedelta) -> date:
    """Return the first nominal date that can have an instant past `begin`."""
    return date.fromordinal(max(begin.toordinal() - 1 - lag.days, date.min.toordinal()))


def _instant(wall: datetime, tz: ZoneInfo) -> datetime | None:
    """Return the instant of a wall time, or None where Python's calendar can't hold it (years 1 and 9999).

    A rule's times have fold=0: the first copy of a repeated time, and the offset before the gap for a missing
    one, which is the same as shifting it by the gap (PEP 495).
    """
    try:
        return wall.replace(tzinfo=tz).astimezone(UTC)
    except OverflowError:
        return None


def _off_days_off(rule: Rule, nominal: datetime, days_off: DaysOff) -> datetime | None:
    """Return the wall time at which a nominal one runs; None for not at all."""
    policy = rule.holidays
    if policy is HolidayPolicy.RUN or not days_off.is_off(nominal.date()):
        return nominal
    if policy is HolidayPolicy.SKIP:
        return None
    step = -1 if policy is HolidayPolicy.BEFORE else 1
    for days in range(1, FURTHEST_MOVE + 1):
        try:
            moved = nominal + step * days * _DAY
        except OverflowError:
            return None
        if days_off.is_business_day(moved.date()):
            return moved
    return None


def check_fires(rule: Rule, timezone: str, now: datetime, own_days: frozenset[date] = frozenset()) -> None:
    """Raise InvalidInput, saying why, for a rule that does not run after `now`, or not in our lifetime.

    Its field is `ends_on`, `count` or `holidays`; `timezone` for an unknown one.
    """
    first = next(occurrences_after(rule, timezone, now, own_days=own_days), None)
    if first is None:
        raise InvalidInput(_why_never(rule, timezone, own_days), "ends_on" if rule.ends_on else "count")
    begun = max(now.year, rule.starts_on.year if rule.starts_on else now.year)
    if first.year - begun > LONGEST_WAIT:
        day = first.astimezone(zone(timezone))
        raise InvalidInput(
            f"It would not run before {day:%-d %B %Y}: all before that are days off.", "holidays"
        )


def _why_never(rule: Rule, timezone: str, own_days: frozenset[date]) -> str:
    last = _last_ever(rule, timezone, own_days)
    if last is not None:
        return f"Its last occurrence would have been on {last.astimezone(zone(timezone)):%-d %B %Y}."
    days_off = DaysOff(rule.country, rule.region, own_days)
    if next(times_from(rule, rule.starts_on or date.min, days_off), None) is not None:
        return "All its occurrences fall on days off."
    return "No occurrence falls between its start and its end."


def _last_ever(rule: Rule, timezone: str, own_days: frozenset[date]) -> datetime | None:
    """Return the last occurrence of a rule that ends."""
    end = end_of(rule, DaysOff(rule.country, rule.region, own_days))
    last_year = end.year if end else date.max.year
    for years in (1, LONGEST_WAIT):
        begin = datetime(max(last_year - years, 1), 1, 1, tzinfo=UTC)
        last = deque(occurrences_after(rule, timezone, begin, own_days=own_days), maxlen=1)
        if last:
            return last.pop()
    return None
