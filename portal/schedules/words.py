"""A rule in plain words: `Every 2 weeks on Monday and Friday at 08:00, Europe/Berlin`. Pure."""

from collections.abc import Callable, Sequence
from datetime import date

from portal.schedules import cron as crontab
from portal.schedules.days_off import OWN_DAY, place_in_words
from portal.schedules.rules import LAST, WEEKDAY_NAMES, HolidayPolicy, Kind, Rule

_SHORTEST_MONTH = 28
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_YEARS = {12: "", 24: "second "}


def describe(rule: Rule, timezone: str) -> str:
    """Say the rule in English. The timezone comes last, after the last comma."""
    return f"{_rhythm(rule)}{_bounds(rule)}{_days_off(rule)}, {timezone}"


def short_date(day: date) -> str:
    """Return `1 Dec 2026`."""
    return f"{day:%-d %b %Y}"


def _rhythm(rule: Rule) -> str:
    if rule.kind is Kind.CRON:
        return crontab.parse(rule.cron or "").in_words()
    return f"{_DAYS_IN_WORDS[rule.kind](rule)} at {rule.time:%H:%M}"


def _weekly(rule: Rule) -> str:
    days = _listed([WEEKDAY_NAMES[day] for day in rule.weekdays])
    return f"Every {days}" if rule.interval == 1 else f"Every {rule.interval} weeks on {days}"


def _monthday(rule: Rule) -> str:
    words = f"On day {rule.monthday} of {_months(rule)}"
    may_be_missing = rule.monthday is not None and rule.monthday > _SHORTEST_MONTH
    return f"{words} (the last day where a month is shorter)" if may_be_missing else words


def _business_day(rule: Rule) -> str:
    where = f" in {place_in_words(rule.country, rule.region)}" if rule.country else ""
    return f"On the {_nth(rule)} business day{where} of {_months(rule)}"


_DAYS_IN_WORDS: dict[Kind, Callable[[Rule], str]] = {
    Kind.DAILY: lambda _rule: "Every day",
    Kind.WEEKLY: _weekly,
    Kind.MONTHLY: _monthday,
    Kind.MONTHLY_LAST: lambda rule: f"On the last day of {_months(rule)}",
    Kind.MONTHLY_WEEKDAY: lambda rule: (
        f"On the {_nth(rule)} {WEEKDAY_NAMES[rule.weekdays[0]]} of {_months(rule)}"
    ),
    Kind.MONTHLY_BUSINESS_DAY: _business_day,
}


def _nth(rule: Rule) -> str:
    return "last" if rule.nth in (None, LAST) else _ordinal(rule.nth or 1)


def _months(rule: Rule) -> str:
    if rule.interval == 1:
        return "each month"
    if rule.interval in _YEARS and rule.starts_on is not None:
        return f"every {_YEARS[rule.interval]}{rule.starts_on:%B}"
    return f"every {_ordinal(rule.interval)} month"


def _ordinal(number: int) -> str:
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number > 20 else "th"
    return f"{number}{ending}"


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _bounds(rule: Rule) -> str:
    start = f"from {short_date(rule.starts_on)}" if rule.starts_on else ""
    if rule.count is not None:
        times = "once" if rule.count == 1 else f"{rule.count:,} times"
        end = f", until {short_date(rule.ends_on)} at the latest" if rule.ends_on else ""
        return f", {times} {start}{end}"
    if rule.ends_on is not None:
        start = f"{start} to " if start else "until "
        return f", {start}{short_date(rule.ends_on)}"
    return f", {start}" if start else ""


def _days_off(rule: Rule) -> str:
    if rule.holidays is HolidayPolicy.RUN:
        return ""
    holiday = f"a holiday in {place_in_words(rule.country, rule.region)} or " if rule.country else ""
    when = f"when that is {holiday}a {OWN_DAY}"
    if rule.holidays is HolidayPolicy.SKIP:
        return f", but not {when}"
    return f", on the business day {rule.holidays.value} {when}"
