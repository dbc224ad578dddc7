"""Which period a report's figures are compared with."""

from datetime import UTC, datetime

import pytest

from portal.reports.comparison import as_days, in_words, previous

AT = datetime(2025, 11, 26, 2, 30, tzinfo=UTC)  # in New York it is still the 25th, a Tuesday
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"preset": "last_30_days"}, "26 Sep 2025 to 25 Oct 2025"),
        ({"preset": "last_7_days"}, "11 Nov 2025 to 17 Nov 2025"),
        ({"preset": "today"}, "24 Nov 2025"),
        ({"preset": "yesterday"}, "23 Nov 2025"),
        ({"preset": "this_week"}, "17 Nov 2025 to 23 Nov 2025"),
        ({"preset": "previous_week"}, "10 Nov 2025 to 16 Nov 2025"),
        ({"preset": "this_month"}, "1 Oct 2025 to 31 Oct 2025"),
        ({"preset": "previous_month"}, "1 Sep 2025 to 30 Sep 2025"),
        ({"preset": "this_quarter"}, "1 Jul 2025 to 30 Sep 2025"),
        ({"preset": "previous_quarter"}, "1 Apr 2025 to 30 Jun 2025"),
        ({"preset": "this_year"}, "1 Jan 2024 to 31 Dec 2024"),
        ({"preset": "previous_year"}, "1 Jan 2023 to 31 Dec 2023"),
        ({"preset": "year_to_date"}, "1 Jan 2024 to 25 Nov 2024"),
        ({"start": "2025-03-01", "end": "2025-03-31"}, "29 Jan 2025 to 28 Feb 2025"),
    ],
)
def test_it_is_the_one_before(chosen: dict[str, str], words: str) -> None:
    assert in_words(previous(chosen, at=AT, timezone=NEW_YORK), NEW_YORK) == words


def test_days_count_by_the_calendar_where_clocks_change() -> None:
    """31 days up to 8 November 2025 are an hour longer in New York than those before."""
    period = previous({"start": "2025-10-09", "end": "2025-11-08"}, at=AT, timezone=NEW_YORK)
    assert (period.start, period.end) == (
        datetime(2025, 9, 8, 4, tzinfo=UTC),
        datetime(2025, 10, 9, 4, tzinfo=UTC),
    )


def test_a_period_is_chosen_again_by_its_days() -> None:
    period = previous({"preset": "this_month"}, at=AT, timezone=NEW_YORK)
    assert as_days(period, NEW_YORK) == {"start": "2025-10-01", "end": "2025-10-31"}
