"""The rhythm of a schedule as it is chosen and kept. Pure; `recurrence` turns it into instants."""

import dataclasses
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from portal.errors import InvalidInput
from portal.schedules import cron as crontab
from portal.schedules import days_off

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LAST = -1
LONGEST_MONTH = 31
MOST_RUNS = 1000

_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


class Kind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    MONTHLY_LAST = "monthly_last"
    MONTHLY_WEEKDAY = "monthly_weekday"
    MONTHLY_BUSINESS_DAY = "monthly_business_day"
    CRON = "cron"


class HolidayPolicy(StrEnum):
    """What becomes of an occurrence that falls on a holiday or on a day off of the organization.

    BEFORE and AFTER move it to the nearest business day, at most 31 days away.
    """

    RUN = "run"
    SKIP = "skip"
    BEFORE = "before"
    AFTER = "after"


MONTHLY_KINDS = frozenset(kind for kind in Kind if kind.startswith("monthly"))
_MOST_INTERVAL = {Kind.WEEKLY: 52} | dict.fromkeys(MONTHLY_KINDS, 24)
_MOST_NTH = {Kind.MONTHLY_WEEKDAY: 4, Kind.MONTHLY_BUSINESS_DAY: 20}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rhythm on the wall clock, without a zone. All dates are nominal: those of the rhythm itself, before
    a holiday moves an occurrence and before the clock's changes do.

    - `time`: naive, in whole minutes; None for CRON only.
    - `weekdays`: Monday 0 to Sunday 6, kept sorted, each once. WEEKLY: one or more; MONTHLY_WEEKDAY: one.
    - `monthday`: MONTHLY, 1 to 31; past a month's end it means the last day.
    - `nth`: MONTHLY_WEEKDAY 1 to 4, MONTHLY_BUSINESS_DAY 1 to 20 (past a month's last one it means that),
      or LAST.
    - `interval`: WEEKLY, every 1 to 52 weeks; the monthly kinds, every 1 to 24 months; counted from the week
      (from Monday) or month of `starts_on`, which it then needs.
    - `cron`: CRON, five fields, kept with single spaces and in capitals.
    - `starts_on`, `ends_on`: the first and the last date that count, on the schedule's own calendar.
    - `count`: the first so many occurrences from `starts_on` (RFC 5545, COUNT), 1 to 1000.
    - `holidays`, `country`, `region`: codes as `days_off.countries` and `days_off.regions` list them.

    Raises InvalidInput, its field being `time`, `weekday`, `monthday`, `nth`, `interval`, `cron`,
    `starts_on`, `ends_on`, `count`, `holidays`, `country` or `region`, for a rule that makes no sense.
    """

    kind: Kind
    time: dt.time | None
    weekdays: tuple[int, ...] = ()
    monthday: int | None = None
    nth: int | None = None
    interval: int = 1
    cron: str | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    count: int | None = None
    holidays: HolidayPolicy = HolidayPolicy.RUN
    country: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        for check in _CHECKS:
            check(self)
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays))))
        if self.cron is not None:
            object.__setattr__(self, "cron", crontab.parse(self.cron).expression)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back.

        The four keys that rules have had from the start are always there, others where they say something.
        """
        form = {
            "kind": self.kind.value,
            "time": None if self.time is None else f"{self.time:%H:%M}",
            "weekdays": list(self.weekdays),
            "monthday": self.monthday,
        }
        for field in _LATER_FIELDS:
            value = getattr(self, field.name)
            if value != field.default:
                form[field.name] = value.isoformat() if isinstance(value, dt.date) else value
        return form

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the form written by `to_dict`.

        Raises KeyError or ValueError on another form, InvalidInput on a rule that makes no sense.
        """
        later = {field.name: data[field.name] for field in _LATER_FIELDS if field.name in data}
        for name in ("starts_on", "ends_on"):
            if name in later:
                later[name] = dt.date.fromisoformat(later[name])
        if "holidays" in later:
            later["holidays"] = HolidayPolicy(later["holidays"])
        return cls(
            kind=Kind(data["kind"]),
            time=None if data["time"] is None else parse_time(data["time"]),
            weekdays=tuple(data.get("weekdays", ())),
            monthday=data.get("monthday"),
            **later,
        )


_LATER_FIELDS = dataclasses.fields(Rule)[4:]


def parse_time(text: str) -> dt.time:
    """Read a time of day such as `08:00`, 24 hours. Raises InvalidInput(field="time")."""
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        raise InvalidInput("The time of day must look like 08:00, from 00:00 to 23:59.", "time")
    return dt.time(int(match[1]), int(match[2]))


def _check_time(rule: Rule) -> None:
    at = rule.time
    if rule.kind is Kind.CRON and at is not None:
        raise InvalidInput("A cron expression says its times itself: leave the time of day out.", "time")
    if rule.kind is not Kind.CRON and at is None:
        raise InvalidInput("Give the time of day, such as 08:00.", "time")
    if at is not None and (at.tzinfo is not None or at.fold or at.second or at.microsecond):
        raise InvalidInput("The time of day must be whole minutes without a zone, such as 08:00.", "time")


def _check_weekdays(rule: Rule) -> None:
    monthly = rule.kind is Kind.MONTHLY_WEEKDAY
    if rule.kind is not Kind.WEEKLY and not monthly and rule.weekdays:
        raise InvalidInput(
            "Only a weekly schedule, or one on a weekday of the month, has weekdays.", "weekday"
        )
    if rule.kind is Kind.WEEKLY and not rule.weekdays:
        raise InvalidInput("Choose the weekday on which a weekly schedule runs.", "weekday")
    if monthly and len(set(rule.weekdays)) != 1:
        raise InvalidInput("Choose the one weekday on which it runs each month.", "weekday")
    if any(day not in range(len(WEEKDAY_NAMES)) for day in rule.weekdays):
        raise InvalidInput("A weekday is a number from 0 (Monday) to 6 (Sunday).", "weekday")


def _check_monthday(rule: Rule) -> None:
    if rule.kind is not Kind.MONTHLY and rule.monthday is not None:
        raise InvalidInput("Only a monthly schedule has a day of the month.", "monthday")
    if rule.kind is Kind.MONTHLY and rule.monthday is None:
        raise InvalidInput("Choose the day of the month on which a monthly schedule runs.", "monthday")
    if rule.monthday is not None and rule.monthday not in range(1, LONGEST_MONTH + 1):
        raise InvalidInput("The day of the month is a number from 1 to 31.", "monthday")


def _check_nth(rule: Rule) -> None:
    most = _MOST_NTH.get(rule.kind)
    if most is None:
        if rule.nth is not None:
            raise InvalidInput("Only a weekday or a business day of the month is counted.", "nth")
        return
    if rule.nth is None:
        raise InvalidInput("Choose which one of the month it is, or the last.", "nth")
    if rule.kind is Kind.MONTHLY_WEEKDAY and rule.nth == most + 1:
        raise InvalidInput("Some months have no fifth one: choose 1 to 4, or the last.", "nth")
    if rule.nth != LAST and rule.nth not in range(1, most + 1):
        raise InvalidInput(f"Choose the 1st to the {most}th of the month, or the last.", "nth")


def _check_interval(rule: Rule) -> None:
    most = _MOST_INTERVAL.get(rule.kind, 1)
    if rule.interval not in range(1, most + 1):
        if most == 1:
            raise InvalidInput("Only weekly and monthly schedules can leave out weeks or months.", "interval")
        unit = "weeks" if rule.kind is Kind.WEEKLY else "months"
        raise InvalidInput(f"It can run every 1 to {most} {unit}.", "interval")
    if rule.interval > 1 and rule.starts_on is None:
        raise InvalidInput("Give the start from which weeks or months are counted.", "starts_on")


def _check_cron(rule: Rule) -> None:
    if rule.kind is not Kind.CRON and rule.cron is not None:
        raise InvalidInput("Only an advanced schedule has a cron expression.", "cron")
    if rule.kind is Kind.CRON and not rule.cron:
        raise InvalidInput("Give a cron expression of five fields, such as 0 8 * * MON-FRI.", "cron")


def _check_bounds(rule: Rule) -> None:
    if rule.starts_on and rule.ends_on and rule.ends_on < rule.starts_on:
        raise InvalidInput("Its end lies before its start.", "ends_on")
    if rule.count is None:
        return
    if rule.count not in range(1, MOST_RUNS + 1):
        raise InvalidInput(f"The number of runs is from 1 to {MOST_RUNS:,}.", "count")
    if rule.starts_on is None:
        raise InvalidInput("Give the start from which the runs are counted.", "starts_on")


def _check_holidays(rule: Rule) -> None:
    business_day = rule.kind is Kind.MONTHLY_BUSINESS_DAY
    if business_day and rule.holidays is not HolidayPolicy.RUN:
        raise InvalidInput(
            "A business day is never a holiday: there is nothing to skip or to move.", "holidays"
        )
    if rule.country is not None and not business_day and rule.holidays is HolidayPolicy.RUN:
        raise InvalidInput("Choose what happens on holidays, or leave the country out.", "holidays")
    if rule.region is not None and rule.country is None:
        raise InvalidInput("Choose the country of the region.", "country")
    if rule.country is not None:
        days_off.check_place(rule.country, rule.region)


_CHECKS: tuple[Callable[[Rule], None], ...] = (
    _check_time,
    _check_weekdays,
    _check_monthday,
    _check_nth,
    _check_interval,
    _check_cron,
    _check_bounds,
    _check_holidays,
)
