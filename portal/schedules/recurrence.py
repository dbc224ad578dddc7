"""When a schedule is due: rules on the wall clock of a timezone, and the UTC instants they mean.

Pure: knows no session, no request and no clock. The preview, the dispatcher, the calendar and the command
line all ask `occurrences_after`, so none of them can disagree with another.
"""

import calendar
import difflib
import functools
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from portal.errors import InvalidInput
from portal.schedules.rules import Kind, Rule

# Only PyPI's tzdata counts, never the host's copy: hosts differ from each other and lag behind (Debian's is
# wrong today for about 15 zones), and two of our machines must not fire one schedule at different instants.
# Zones that somebody loaded before this line came from the host and are forgotten.
zoneinfo.reset_tzpath(to=[])
ZoneInfo.clear_cache()

# A nominal date's instant is less than two days from midnight UTC of that date, whatever the zone: a day of
# clock plus the largest offset ever in use (not quite 16 hours).
_REACH_DAYS = 2


@functools.cache
def timezone_names() -> tuple[str, ...]:
    """Return the IANA names `zone` accepts, sorted."""
    # "Factory" is the database's placeholder for a machine nobody has set up, not a place.
    return tuple(sorted(zoneinfo.available_timezones() - {"Factory"}))


def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name, exactly as the database spells it.

    Raises InvalidInput(field="timezone") for any other text, naming the nearest zone if one is near.
    """
    names = timezone_names()
    # Asked before opening: a name is a path within tzdata, and ZoneInfo's errors vary with what lies there.
    if name in names:
        return ZoneInfo(name)
    by_folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    hint = f"Did you mean {by_folded[near[0]]}?" if near else "Use a name such as Europe/Berlin."
    raise InvalidInput(f"“{name}” is not a known timezone. {hint}", "timezone")


def occurrences_after(rule: Rule, timezone: str, after: datetime) -> Iterator[datetime]:
    """Yield the UTC instants of `rule` in `timezone` strictly after the aware `after`, strictly increasing.

    A local time that does not exist (clocks go forward) runs shifted by the length of the gap; one that
    exists twice (clocks go back) runs once, at its first copy; a date the zone skipped runs once, together
    with the date it is shifted onto. Ends with the calendar, in December 9999.
    Raises InvalidInput(field="timezone") at once for an unknown zone, ValueError for a naive `after`.
    """
    if after.tzinfo is None:
        raise ValueError("`after` must know its zone")
    return _instants(rule, zone(timezone), after)


def _instants(rule: Rule, tz: ZoneInfo, after: datetime) -> Iterator[datetime]:
    latest = after.astimezone(UTC)
    for day in _nominal_dates(rule, latest):
        instant = _instant(day, rule.time, tz) if rule.time else None
        # Not greater: the date before `after`, or one skipped by the zone, already run as its neighbour.
        if instant is not None and instant > latest:
            latest = instant
            yield instant


def _nominal_dates(rule: Rule, after: datetime) -> Iterator[date]:
    """Yield the dates a rule names, from far enough before `after` to miss no instant past it."""
    falls_on = _FALLS_ON[rule.kind]
    first = max(after.date().toordinal() - _REACH_DAYS, date.min.toordinal())
    for ordinal in range(first, date.max.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if falls_on(rule, day):
            yield day


def _instant(day: date, at: time, tz: ZoneInfo) -> datetime | None:
    """Return the instant of a wall time, or None where Python's calendar can't hold it (years 1 and 9999).

    A rule's time has fold=0: the first copy of a repeated time, and the offset before the gap for a missing
    one, which is the same as shifting it by the gap (PEP 495).
    """
    try:
        return datetime.combine(day, at, tzinfo=tz).astimezone(UTC)
    except OverflowError:
        return None


def _falls_on_monthday(rule: Rule, day: date) -> bool:
    if rule.monthday is None:
        raise ValueError("a monthly rule has a day")
    return day.day == min(rule.monthday, _days_in_month(day))


def _days_in_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


_FALLS_ON: dict[Kind, Callable[[Rule, date], bool]] = {
    Kind.DAILY: lambda _rule, _day: True,
    Kind.WEEKLY: lambda rule, day: day.weekday() in rule.weekdays,
    Kind.MONTHLY: _falls_on_monthday,
    Kind.MONTHLY_LAST: lambda _rule, day: day.day == _days_in_month(day),
}
