"""A rule in plain words. Pure."""

from collections.abc import Callable

from portal.schedules.rules import WEEKDAY_NAMES, Kind, Rule

_SHORTEST_MONTH = 28


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
