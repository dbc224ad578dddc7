"""Which of the occurrences that are due run, and what is said of the others."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.runs.models import RunStatus
from portal.runs.policies import (
    NO_CATCHING_UP,
    ONE_WAITS,
    ONLY_THE_LATEST,
    STILL_UNDER_WAY,
    TOO_FAR_BACK,
    Fate,
    UnderWay,
    fates,
    recorded,
    without_overlap,
)
from portal.schedules.models import Misfire, Overlap

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUEUED, MISSED = RunStatus.QUEUED, RunStatus.MISSED


def decided(
    *ages: timedelta, misfire: Misfire, window: timedelta | None = None
) -> list[tuple[timedelta, RunStatus]]:
    found = fates([NOW - age for age in ages], misfire=misfire, window=window, now=NOW, grace=MINUTE)
    return [(NOW - fate.due_at, fate.status) for fate in found]


@pytest.mark.parametrize("misfire", list(Misfire))
def test_it_runs_what_is_punctual_whatever_the_policy(misfire: Misfire) -> None:
    assert decided(timedelta(seconds=59), misfire=misfire) == [(timedelta(seconds=59), QUEUED)]


def test_it_runs_the_latest_once_and_records_the_others() -> None:
    found = fates(
        [NOW - 2 * DAY, NOW - DAY, NOW - HOUR], misfire=Misfire.LATEST, window=None, now=NOW, grace=MINUTE
    )

    assert found == [
        Fate(NOW - 2 * DAY, MISSED, ONLY_THE_LATEST),
        Fate(NOW - DAY, MISSED, ONLY_THE_LATEST),
        Fate(NOW - HOUR, QUEUED),
    ]


def test_it_catches_up_with_none_where_none_is_wanted() -> None:
    late = fates([NOW - DAY, NOW - HOUR], misfire=Misfire.NONE, window=None, now=NOW, grace=MINUTE)
    assert [(fate.status, fate.reason) for fate in late] == [
        (MISSED, ONLY_THE_LATEST),
        (MISSED, NO_CATCHING_UP),
    ]
    assert decided(HOUR, timedelta(0), misfire=Misfire.NONE) == [(HOUR, MISSED), (timedelta(0), QUEUED)]


def test_it_catches_up_with_all_oldest_first() -> None:
    found = fates(
        [NOW - 2 * DAY, NOW - DAY, NOW - timedelta(seconds=5)],
        misfire=Misfire.ALL,
        window=None,
        now=NOW,
        grace=MINUTE,
    )

    assert found == [
        Fate(NOW - 2 * DAY, QUEUED, catches_up=True),
        Fate(NOW - DAY, QUEUED, catches_up=True),
        Fate(NOW - timedelta(seconds=5), QUEUED, catches_up=False),
    ]


def test_it_catches_up_with_a_hundred_at_most() -> None:
    found = fates(
        [NOW - minutes * MINUTE for minutes in range(101 * 15, 0, -15)],
        misfire=Misfire.ALL,
        window=None,
        now=NOW,
        grace=MINUTE,
    )

    assert [fate.status for fate in found] == [MISSED, *[QUEUED] * 100]
    assert found[0].reason == TOO_FAR_BACK


def test_it_catches_up_seven_days_back_at_most() -> None:
    assert decided(7 * DAY + MINUTE, 7 * DAY, DAY, misfire=Misfire.ALL) == [
        (7 * DAY + MINUTE, MISSED),
        (7 * DAY, QUEUED),
        (DAY, QUEUED),
    ]


@pytest.mark.parametrize(
    ("misfire", "expected"),
    [
        (Misfire.LATEST, [MISSED, MISSED, QUEUED]),
        (Misfire.NONE, [MISSED, MISSED, QUEUED]),
        (Misfire.ALL, [MISSED, QUEUED, QUEUED]),
    ],
)
def test_a_start_window_wins_over_the_policy(misfire: Misfire, expected: list[RunStatus]) -> None:
    found = decided(60 * MINUTE, 59 * MINUTE, 30 * MINUTE, misfire=misfire, window=HOUR)
    assert [status for _, status in found] == expected


def test_it_says_within_which_window_it_could_not_start() -> None:
    (fate,) = fates([NOW - HOUR], misfire=Misfire.ALL, window=30 * MINUTE, now=NOW, grace=MINUTE)
    assert (fate.status, fate.reason) == (MISSED, "It could not start within 30 minutes of its time.")


@pytest.mark.parametrize(
    ("overlap", "under_way", "status", "reason"),
    [
        (Overlap.QUEUE, UnderWay(), QUEUED, None),
        (Overlap.QUEUE, UnderWay(any=True), QUEUED, None),
        (Overlap.QUEUE, UnderWay(any=True, waiting=True), RunStatus.SKIPPED, ONE_WAITS),
        (Overlap.SKIP, UnderWay(), QUEUED, None),
        (Overlap.SKIP, UnderWay(any=True), RunStatus.SKIPPED, STILL_UNDER_WAY),
        (Overlap.ALLOW, UnderWay(any=True, waiting=True), QUEUED, None),
    ],
)
def test_it_lets_as_many_stand_beside_each_other_as_wanted(
    overlap: Overlap, under_way: UnderWay, status: RunStatus, reason: str | None
) -> None:
    found = without_overlap(Fate(NOW, QUEUED), overlap, under_way)
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize("overlap", list(Overlap))
def test_it_skips_neither_what_catches_up_nor_what_was_missed(overlap: Overlap) -> None:
    busy = UnderWay(any=True, waiting=True)
    for fate in (Fate(NOW, QUEUED, catches_up=True), Fate(NOW, MISSED, ONLY_THE_LATEST)):
        assert without_overlap(fate, overlap, busy) == fate


def test_it_records_a_hundred_missed_ones_and_says_how_many_there_were() -> None:
    many = [Fate(NOW - days * DAY, MISSED, ONLY_THE_LATEST) for days in range(150, 0, -1)]

    kept = recorded([*many, Fate(NOW, QUEUED)])

    assert len(kept) == 101
    assert kept[0].reason == f"{ONLY_THE_LATEST} So did 50 before it, from 2025-10-21 12:00 UTC on."
    assert kept[1] == many[51]
    assert kept[-1] == Fate(NOW, QUEUED)
    assert recorded(many[:100]) == many[:100]
