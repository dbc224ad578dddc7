"""Which dates and times a rule names on the wall clock, before days off and the clock's changes. Pure.

Monthly and weekly rules step by months and weeks, so that the next date costs the same however far it is.
"""

import calendar
import functools
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from itertools import islice, takewhile

from portal.schedules import cron as crontab
from portal.schedules.days_off import DaysOff
from portal.schedules.rules import LAST, MONTHLY_KINDS, Kind, Rule

_WEEK = 7


def times_from(rule: Rule, first: date, days_off: DaysOff) -> Iterator[datetime]:
    """Yield the naive wall times of a rule in order, from its first one on or after a date to its last."""
    times = _unended(rule, max(first, rule.starts_on or first), days_off)
    end = end_of(rule, days_off)
    return times if end is None else takewhile(lambda wall: wall <= end, times)


def _unended(rule: Rule, first: date, days_off: DaysOff) -> Iterator[datetime]:
    times = (rule.time,) if rule.time else crontab.parse(rule.cron or "").times
    combine = datetime.combine
    return (combine(day, at) for day in _nominal_dates(rule, first, days_off) for at in times)


def end_of(rule: Rule, days_off: DaysOff) -> datetime | None:
    """Return the last wall time that a rule's end and its number of runs let through; None for no end."""
    ends = [] if rule.ends_on is None else [datetime.combine(rule.ends_on, time.max)]
    if rule.count is not None:
        # Only business days depend on days off; what those skip or move has been counted before.
        ends.append(_last_counted(rule, days_off if rule.kind is Kind.MONTHLY_BUSINESS_DAY else DaysOff()))
    return min(ends, default=None)


@functools.lru_cache(maxsize=16_384)
def _last_counted(rule: Rule, days_off: DaysOff) -> datetime:
    counted = _unended(rule, rule.starts_on or date.min, days_off)
    return deque(islice(counted, rule.count), maxlen=1).pop()


def _nominal_dates(rule: Rule, first: date, days_off: DaysOff) -> Iterator[date]:
    """Yield the dates a rule names, from `first` on, to the end of the calendar."""
    if rule.kind is Kind.DAILY:
        return map(date.fromordinal, range(first.toordinal(), date.max.toordinal() + 1))
    if rule.kind is Kind.WEEKLY:
        return _weekly(rule, first)
    if rule.kind in MONTHLY_KINDS:
        return _monthly(rule, first, days_off)
    return crontab.parse(rule.cron or "").dates_from(first)


def _weekly(rule: Rule, first: date) -> Iterator[date]:
    earliest, last = first.toordinal(), date.max.toordinal()
    weeks = _every(rule, earliest - first.weekday(), _monday_of, _WEEK)
    for monday in range(weeks, last + 1, rule.interval * _WEEK):
        for weekday in rule.weekdays:
            if earliest <= monday + weekday <= last:
                yield date.fromordinal(monday + weekday)


def _monthly(rule: Rule, first: date, days_off: DaysOff) -> Iterator[date]:
    day_in = _DAY_IN_MONTH[rule.kind]
    for month in range(_every(rule, _month_of(first), _month_of, 1), 12 * (date.max.year + 1), rule.interval):
        day = day_in(rule, date(month // 12, month % 12 + 1, 1), days_off)
        if day is not None and day >= first:
            yield day


def _every(rule: Rule, first: int, position: Callable[[date], int], step: int) -> int:
    """Return the first week or month from `first` on that is a whole number of intervals from the start."""
    if rule.starts_on is None:
        return first
    return first + (position(rule.starts_on) - first) % (rule.interval * step)


def _monday_of(day: date) -> int:
    return day.toordinal() - day.weekday()


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_end(first: date) -> int:
    return calendar.monthrange(first.year, first.month)[1]


def _monthday(rule: Rule, first: date, _: DaysOff) -> date:
    return first.replace(day=min(rule.monthday or 1, _month_end(first)))


def _last_day(_rule: Rule, first: date, _: DaysOff) -> date:
    return first.replace(day=_month_end(first))


def _nth_weekday(rule: Rule, first: date, _: DaysOff) -> date:
    (weekday,), nth = rule.weekdays, rule.nth or LAST
    if nth == LAST:
        last = first.replace(day=_month_end(first))
        return last.replace(day=last.day - (last.weekday() - weekday) % _WEEK)
    return first.replace(day=1 + (weekday - first.weekday()) % _WEEK + _WEEK * (nth - 1))


def _nth_business_day(rule: Rule, first: date, days_off: DaysOff) -> date | None:
    """Return the nth, the month's last one where it has fewer, None where it has none."""
    days: Iterator[date] = (first.replace(day=day) for day in range(1, _month_end(first) + 1))
    if rule.nth == LAST:
        days = (first.replace(day=day) for day in range(_month_end(first), 0, -1))
    counted = islice(filter(days_off.is_business_day, days), 1 if rule.nth == LAST else rule.nth)
    return next(iter(deque(counted, maxlen=1)), None)


_DAY_IN_MONTH: dict[Kind, Callable[[Rule, date, DaysOff], date | None]] = {
    Kind.MONTHLY: _monthday,
    Kind.MONTHLY_LAST: _last_day,
    Kind.MONTHLY_WEEKDAY: _nth_weekday,
    Kind.MONTHLY_BUSINESS_DAY: _nth_business_day,
}
