"""What becomes of occurrences that are due: which run, which were missed, which are skipped. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.runs.models import RunStatus
from portal.schedules.models import Misfire, Overlap

ALL_AT_MOST = 100
ALL_BACK = timedelta(days=7)
MISSED_RECORDED = 100
"""How many that don't run are recorded one by one; the oldest says how many came before it."""

DOWN = "It could not be dispatched in time"
ONLY_THE_LATEST = f"{DOWN}; only the latest occurrence is caught up."
NO_CATCHING_UP = f"{DOWN}, and this schedule catches up with none."
TOO_FAR_BACK = f"{DOWN}; at most {ALL_AT_MOST} occurrences of the last {ALL_BACK.days} days are caught up."
STILL_UNDER_WAY = "An earlier run was still under way."
ONE_WAITS = "An earlier run was waiting to start already."


@dataclass(frozen=True, slots=True)
class Fate:
    """What is recorded of an occurrence. `catches_up` marks a late one of a schedule that wants them all."""

    due_at: datetime
    status: RunStatus
    reason: str | None = None
    catches_up: bool = False


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A schedule's runs that are not over: is there any, and does a punctual one wait to start?"""

    any: bool = False
    waiting: bool = False


def fates(
    due: Sequence[datetime],
    *,
    misfire: Misfire,
    window: timedelta | None,
    now: datetime,
    grace: timedelta,
) -> list[Fate]:
    """Apply start window and misfire policy to the occurrences due by `now`, oldest first.

    One that is dispatched within `grace` of its time is punctual, whatever the policy.
    """
    expired = [at for at in due if window is not None and now - at >= window]
    open_ones = due[len(expired) :]
    found = [_missed(at, too_late(window)) for at in expired if window is not None]
    if misfire is Misfire.ALL:
        return found + list(_all(open_ones, now, grace))
    found += [_missed(at, ONLY_THE_LATEST) for at in open_ones[:-1]]
    for latest in open_ones[-1:]:
        given_up = misfire is Misfire.NONE and window is None and now - latest > grace
        found.append(_missed(latest, NO_CATCHING_UP) if given_up else Fate(latest, RunStatus.QUEUED))
    return found


def too_late(window: timedelta) -> str:
    """Say that a run did not start within its window."""
    minutes = round(window.total_seconds() / 60)
    return f"It could not start within {minutes} minute{'s' if minutes != 1 else ''} of its time."


def without_overlap(fate: Fate, overlap: Overlap, under_way: UnderWay) -> Fate:
    """Skip an occurrence that its schedule does not want beside, or behind, what is under way."""
    if fate.status is not RunStatus.QUEUED or fate.catches_up or overlap is Overlap.ALLOW:
        return fate
    if overlap is Overlap.SKIP and under_way.any:
        return replace(fate, status=RunStatus.SKIPPED, reason=STILL_UNDER_WAY)
    if overlap is Overlap.QUEUE and under_way.waiting:
        return replace(fate, status=RunStatus.SKIPPED, reason=ONE_WAITS)
    return fate


def recorded(all_fates: list[Fate]) -> list[Fate]:
    """Leave out the oldest of very many that don't run; the oldest that stays says how many those were."""
    idle = sum(fate.status is not RunStatus.QUEUED for fate in all_fates)
    unrecorded = idle - MISSED_RECORDED
    if unrecorded <= 0:
        return all_fates
    first, oldest, *others = all_fates[0], *all_fates[unrecorded:]
    remark = f" So did {unrecorded} before it, from {first.due_at:%Y-%m-%d %H:%M} UTC on."
    return [replace(oldest, reason=f"{oldest.reason}{remark}"), *others]


def _all(due: Sequence[datetime], now: datetime, grace: timedelta) -> Iterator[Fate]:
    first = max(0, len(due) - ALL_AT_MOST)
    for number, at in enumerate(due):
        if number < first or now - at > ALL_BACK:
            yield _missed(at, TOO_FAR_BACK)
        else:
            yield Fate(at, RunStatus.QUEUED, catches_up=now - at > grace)


def _missed(at: datetime, reason: str) -> Fate:
    return Fate(at, RunStatus.MISSED, reason)
