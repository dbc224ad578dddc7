"""The next occurrences of a rule, with a word on those that fall out of step. Pure, like `recurrence`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from portal.schedules.recurrence import occurrences_after, zone
from portal.schedules.rules import Kind, Rule

COUNT = 5


@dataclass(frozen=True)
class Remark:
    """Why an occurrence is not quite what the rule says. `about` is `clock` or `month`."""

    about: str
    text: str


@dataclass(frozen=True)
class Occurrence:
    """`at` is the instant in UTC, `local` the same on the schedule's own clock."""

    at: datetime
    local: datetime
    remarks: tuple[Remark, ...]


def upcoming(rule: Rule, timezone: str, *, after: datetime, count: int = COUNT) -> list[Occurrence]:
    """Return the next occurrences. Raises InvalidInput(field="timezone") for an unknown zone."""
    tz = zone(timezone)
    before = after.astimezone(tz)
    found = []
    for at in islice(occurrences_after(rule, timezone, after), count):
        local = at.astimezone(tz)
        found.append(Occurrence(at, local, tuple(_remarks(rule, before, local))))
        before = local
    return found


def _remarks(rule: Rule, before: datetime, local: datetime) -> Iterator[Remark]:
    if rule.time is None:
        return
    if (local.hour, local.minute) != (rule.time.hour, rule.time.minute):
        yield Remark("clock", f"There is no {rule.time:%H:%M} on this day: runs at {local:%H:%M}")
    elif local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        yield Remark("clock", f"{rule.time:%H:%M} comes twice on this day: runs once, at the first")
    elif local.utcoffset() != before.utcoffset():
        yield Remark("clock", _change_between(before, local))
    if rule.kind is Kind.MONTHLY and rule.monthday is not None and local.day < rule.monthday:
        yield Remark("month", f"{local:%B} has no day {rule.monthday}: runs on its last")


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
