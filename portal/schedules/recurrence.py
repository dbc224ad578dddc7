"""When a schedule is due: rules on the wall clock of a timezone, and the UTC instants they mean.

Pure: knows no session, no request and no clock. The preview, the dispatcher, the calendar and the command
line all ask `occurrences_after`, so none of them can disagree with another.
"""

import calendar
import difflib
import functools
import re
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from portal.errors import InvalidInput

# Only PyPI's tzdata counts, never the host's copy: hosts differ from each other and lag behind (Debian's is
# wrong today for about 15 zones), and two of our machines must not fire one schedule at different instants.
# Zones that somebody loaded before this line came from the host and are forgotten.
zoneinfo.reset_tzpath(to=[])
ZoneInfo.clear_cache()

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_SHORTEST_MONTH = 28
_LONGEST_MONTH = 31
# A nominal date's instant is less than two days from midnight UTC of that date, whatever the zone: a day of
# clock plus the largest offset ever in use (not quite 16 hours).
_REACH_DAYS = 2


class Kind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    MONTHLY_LAST = "monthly_last"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rhythm on the wall clock, without a zone.

    `time` is naive and in whole minutes. `weekdays` (WEEKLY only) counts from Monday 0 to Sunday 6 and is
    kept sorted, each day once. `monthday` (MONTHLY only) is 1 to 31; past a month's end it means
    the last day.
    Raises InvalidInput with field `time`, `weekday` or `monthday` for a rule that makes no sense.
    """

    kind: Kind
    time: time
    weekdays: tuple[int, ...] = ()
    monthday: int | None = None

    def __post_init__(self) -> None:
        _check_time(self.time)
        _check_weekdays(self.kind, self.weekdays)
        _check_monthday(self.kind, self.monthday)
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays))))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return {
            "kind": self.kind.value,
            "time": f"{self.time:%H:%M}",
            "weekdays": list(self.weekdays),
            "monthday": self.monthday,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the form written by `to_dict`.

        Raises KeyError or ValueError on another form, InvalidInput on a rule that makes no sense.
        """
        return cls(
            kind=Kind(data["kind"]),
            time=parse_time(data["time"]),
            weekdays=tuple(data.get("weekdays", ())),
            monthday=data.get("monthday"),
        )


def _check_time(at: time) -> None:
    if at.tzinfo is not None or at.fold or at.second or at.microsecond:
        raise InvalidInput("The time of day must be whole minutes without a zone, such as 08:00.", "time")


def _check_weekdays(kind: Kind, weekdays: tuple[int, ...]) -> None:
    if kind is not Kind.WEEKLY and weekdays:
        raise InvalidInput("Only a weekly schedule has weekdays.", "weekday")
    if kind is Kind.WEEKLY and not weekdays:
        raise InvalidInput("Choose the weekday on which a weekly schedule runs.", "weekday")
    if any(day not in range(len(WEEKDAY_NAMES)) for day in weekdays):
        raise InvalidInput("A weekday is a number from 0 (Monday) to 6 (Sunday).", "weekday")


def _check_monthday(kind: Kind, monthday: int | None) -> None:
    if kind is not Kind.MONTHLY and monthday is not None:
        raise InvalidInput("Only a monthly schedule has a day of the month.", "monthday")
    if kind is Kind.MONTHLY and monthday is None:
        raise InvalidInput("Choose the day of the month on which a monthly schedule runs.", "monthday")
    if monthday is not None and monthday not in range(1, _LONGEST_MONTH + 1):
        raise InvalidInput("The day of the month is a number from 1 to 31.", "monthday")


def parse_time(text: str) -> time:
    """Read a time of day such as `08:00`, 24 hours. Raises InvalidInput(field="time")."""
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        raise InvalidInput("The time of day must look like 08:00, from 00:00 to 23:59.", "time")
    return time(int(match[1]), int(match[2]))


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
        instant = _instant(day, rule.time, tz)
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


def describe(rule: Rule, timezone: str) -> str:
    """Say the rule in plain words: `Every Monday at 08:00, Europe/Berlin`."""
    return f"{_DAYS_IN_WORDS[rule.kind](rule)} at {rule.time:%H:%M}, {timezone}"


def _weekdays_in_words(rule: Rule) -> str:
    *others, last = (WEEKDAY_NAMES[day] for day in rule.weekdays)
    return f"Every {', '.join(others)} and {last}" if others else f"Every {last}"


def _monthday_in_words(rule: Rule) -> str:
    words = f"On day {rule.monthday} of each month"
    may_be_missing = rule.monthday is not None and rule.monthday > _SHORTEST_MONTH
    return f"{words} (the last day where a month is shorter)" if may_be_missing else words


_DAYS_IN_WORDS: dict[Kind, Callable[[Rule], str]] = {
    Kind.DAILY: lambda _rule: "Every day",
    Kind.WEEKLY: _weekdays_in_words,
    Kind.MONTHLY: _monthday_in_words,
    Kind.MONTHLY_LAST: lambda _rule: "On the last day of each month",
}
