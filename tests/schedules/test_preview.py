"""The preview agrees with the dispatcher, and says which runs fall out of step."""

from datetime import UTC, datetime, time
from itertools import islice

import pytest

from portal.errors import InvalidInput
from portal.schedules.preview import upcoming
from portal.schedules.recurrence import occurrences_after
from portal.schedules.rules import Kind, Rule

NIGHTLY = Rule(Kind.DAILY, time(2, 30))
MONDAYS = Rule(Kind.WEEKLY, time(8, 0), weekdays=(0,))
THIRTY_FIRST = Rule(Kind.MONTHLY, time(8, 0), monthday=31)


@pytest.mark.parametrize("rule", [NIGHTLY, MONDAYS, THIRTY_FIRST, Rule(Kind.MONTHLY_LAST, time(23, 59))])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"])
def test_it_shows_what_the_dispatcher_will_run(rule: Rule, timezone: str) -> None:
    after = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)

    shown = [occurrence.at for occurrence in upcoming(rule, timezone, after=after)]

    assert shown == list(islice(occurrences_after(rule, timezone, after), 5))


@pytest.mark.parametrize(
    ("rule", "after", "remarks"),
    [
        (MONDAYS, "2026-03-12", {"2026-03-30 08:00": "Clocks go forward on 29 March"}),
        (
            NIGHTLY,
            "2026-03-27",
            {"2026-03-29 03:30": "There is no 02:30 on this day: runs at 03:30"},
        ),
        (
            NIGHTLY,
            "2026-10-23",
            {
                "2026-10-25 02:30": "02:30 comes twice on this day: runs once, at the first",
                "2026-10-26 02:30": "Clocks go back on 25 October",
            },
        ),
        (
            THIRTY_FIRST,
            "2026-04-01",
            {
                "2026-04-30 08:00": "April has no day 31: runs on its last",
                "2026-06-30 08:00": "June has no day 31: runs on its last",
            },
        ),
    ],
)
def test_it_remarks_on_clock_changes_and_short_months(
    rule: Rule, after: str, remarks: dict[str, str]
) -> None:
    occurrences = upcoming(rule, "Europe/Berlin", after=datetime.fromisoformat(after).replace(tzinfo=UTC))

    found = {
        f"{it.local:%Y-%m-%d %H:%M}": "; ".join(remark.text for remark in it.remarks) for it in occurrences
    }
    assert {day: text for day, text in found.items() if text} == remarks


def test_it_refuses_an_unknown_timezone() -> None:
    with pytest.raises(InvalidInput, match="Did you mean Europe/Berlin"):
        upcoming(MONDAYS, "Europe/Berlni", after=datetime(2025, 1, 1, tzinfo=UTC))
