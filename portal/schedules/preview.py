"""The next occurrences of a rule, with a word on those that fall out of step. Pure, like `recurrence`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from portal.schedules.days_off import DaysOff
from portal.schedules.recurrence import Planned, planned_after, zone
from portal.schedules.rules import Kind, Rule

COUNT = 5


@dataclass(frozen=True)
class Remark:
    """Why an occurrence is not quite what the rule says. `about` is `holiday`, `clock`, `month` or `end`."""

    about: str
    text: str


@dataclass(frozen=True)
class Occurrence:
    """`at` is the instant in UTC, `local` the same on the schedule's own clock."""

    at: datetime
    local: datetime
    remarks: tuple[Remark, ...]


def upcoming(
    rule: Rule,
    timezone: str,
    *,
    after: datetime,
    count: int = COUNT,
    own_days: frozenset[date] = frozenset(),
) -> list[Occurrence]:
    """Return the next occurrences, fewer where the rule ends before.

    Raises InvalidInput(field="timezone") for an unknown zone.
    """
    tz = zone(timezone)
    days_off = DaysOff(rule.country, rule.region, own_days)
    planned = list(islice(planned_after(rule, timezone, after, own_days=own_days), count + 1))
    before = after.astimezone(tz)
    found = []
    for one in planned[:count]:
        local = one.at.astimezone(tz)
        remarks = [*_moved(one, days_off), *_clock(one, before, local), *_short_month(rule, one.nominal)]
        if one is planned[-1]:  # one more than `count` was asked for
            remarks.append(Remark("end", "Last run"))
        found.append(Occurrence(one.at, local, tuple(remarks)))
        before = local
    return found


def _moved(planned: Planned, days_off: DaysOff) -> Iterator[Remark]:
    day = planned.nominal.date()
    if planned.wall.date() != day:
        yield Remark("holiday", f"Moved from {day:%A, %-d %B}: {days_off.name(day)}")


def _clock(planned: Planned, before: datetime, local: datetime) -> Iterator[Remark]:
    meant = planned.wall
    if local.date() > meant.date():
        yield Remark(
            "clock", f"There is no {meant:%H:%M} on {meant:%-d %B}: runs at {local:%H:%M} of the day after"
        )
    elif (local.hour, local.minute) != (meant.hour, meant.minute):
        yield Remark("clock", f"There is no {meant:%H:%M} on this day: runs at {local:%H:%M}")
    elif local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        yield Remark("clock", f"{meant:%H:%M} comes twice on this day: runs once, at the first")
    elif local.utcoffset() != before.utcoffset():
        yield Remark("clock", _change_between(before, local))


def _short_month(rule: Rule, nominal: datetime) -> Iterator[Remark]:
    if rule.kind is Kind.MONTHLY and rule.monthday is not None and nominal.day < rule.monthday:
        yield Remark("month", f"{nominal:%B} has no day {rule.monthday}: runs on its last")


def _change_between(before: datetime, after: datetime) -> str:
    """Say when the clocks change between two instants of a zone whose offsets differ."""
    offset = before.utcoffset()
    forward = (after.utcoffset() or timedelta()) > (offset or timedelta())
    early, late = before.timestamp(), after.timestamp()
    while late - early > 1:
        middle = (early + late) / 2
        unchanged = datetime.fromtimestamp(middle, before.tzinfo).utcoffset() == offset
        early, late = (middle, late) if unchanged else (early, middle)
    day = datetime.fromtimestamp(late, before.tzinfo)
    return f"Clocks go {'forward' if forward else 'back'} on {day:%-d %B}"
