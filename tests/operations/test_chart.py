"""The geometry of the chart of runs a day."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.operations.chart import BASE, TOP, Day, chart

TODAY = datetime(2025, 3, 12, tzinfo=UTC)


def month(**today: int) -> list[Day]:
    return [Day(TODAY - timedelta(days=back)) for back in range(29, 0, -1)] + [Day(TODAY, **today)]


def test_it_has_a_bar_a_day_from_left_to_right() -> None:
    bars = chart(month()).bars
    assert len(bars) == 30
    assert [bar.x for bar in bars] == sorted({bar.x for bar in bars})
    assert bars[-1].x + bars[-1].width < 720


def test_it_stacks_delivered_partial_failed() -> None:
    bar = chart(month(delivered=6, partial=1, failed=3)).bars[-1]
    assert [part.status for part in bar.parts] == ["success", "partial", "failed"]
    assert bar.parts[0].y > bar.parts[1].y > bar.parts[2].y == bar.top == TOP
    assert bar.words == "12 Mar: 6 delivered, 1 partly, 3 failed"
    assert bar.failed


def test_it_keeps_one_failure_among_thousands_in_sight() -> None:
    bar = chart(month(delivered=9_999, failed=1)).bars[-1]
    assert bar.parts[-1].height >= 1


@pytest.mark.parametrize(
    ("highest", "scale"), [(0, 2), (1, 2), (3, 4), (9, 10), (11, 20), (40, 40), (41, 100), (1_500, 2_000)]
)
def test_it_ends_its_scale_at_a_round_number(highest: int, scale: int) -> None:
    assert chart(month(delivered=highest)).ticks == [
        (0, BASE),
        (scale // 2, (BASE + TOP) / 2),
        (scale, TOP),
    ]


def test_it_sums_up_in_words() -> None:
    words = chart(month(delivered=1_200, partial=2, failed=3)).words
    assert words == "Runs a day for 30 days: 1,205 runs, 5 not fully delivered"
