"""F1-F5: a worker and its child are killed, at each stage of a run; another one finishes it."""

import hashlib
import os
import time
from pathlib import Path

import pytest
from redis import Redis
from rq_scheduler import Scheduler

from portal.delivery.models import DeliveryStatus
from portal.delivery.service import POSSIBLY_TWICE
from portal.runs.models import RunStatus, ScheduledExportRun
from tests.conftest import wait_until
from tests.faults.portal import RESCUED_WITHIN, Portal
from tests.faults.process import Fault

pytestmark = pytest.mark.faults

FIVE = tuple(f"reader{number}@example.org" for number in range(1, 6))
MANY_ROWS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
    " SELECT i AS case_number FROM n"
)
A_DAY = 25 * 3600.0  # and an hour


def rescued_from(fault: Fault, portal: Portal) -> ScheduledExportRun:
    """Let a worker take the only run and die at the fault; return the run once another finished it."""
    portal.start("scheduler")
    dying = portal.start("worker", fault)
    dying.await_death()
    return finished_by_another(portal)


def finished_by_another(portal: Portal) -> ScheduledExportRun:
    portal.start("worker")
    (run,) = portal.await_end()
    assert run.status is RunStatus.SUCCESS
    assert portal.attempts() == [(1, "worker lost"), (2, "SUCCESS")]
    assert len({attempt.worker for attempt in run.attempts}) == 2
    return run


def assert_swept(left: Path, redis: Redis) -> None:
    """Let a day pass for what a dead worker left, and the hour of the sweep come."""
    os.utime(left, times=(time.time() - A_DAY,) * 2)
    redis.zadd(Scheduler.scheduled_jobs_key, {"sweep-files": 1})
    wait_until(lambda: not left.exists(), "what the dead worker left is swept", RESCUED_WITHIN)


def sha256_mailed(portal: Portal) -> set[str]:
    contents = [part.get_content() for one in portal.mail() for part in one.iter_attachments()]
    return {hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
            for content in contents}  # fmt: skip


def test_it_finishes_what_a_worker_had_claimed(portal: Portal) -> None:
    """F1"""
    portal.schedule(recipients=("ann@example.org",))

    rescued_from(Fault("portal.runs.pipeline:resolve"), portal)

    assert portal.mail_by_recipient() == {"ann@example.org": 1}
    assert len(portal.stored_files()) == 1


def test_a_half_written_file_is_never_seen_and_swept_later(portal: Portal, redis: Redis) -> None:
    """F2"""
    portal.read_with(MANY_ROWS)
    portal.schedule(recipients=("ann@example.org",), columns=("case_number",))
    portal.start("scheduler")
    dying = portal.start("worker", Fault("portal.datasets.query:_convert", nth=40))
    dying.await_death()

    (left,) = portal.work_files()
    assert left.stat().st_size > 0, "it died while it wrote"
    assert portal.stored_files() == []

    run = finished_by_another(portal)
    (stored,) = portal.stored_files()
    assert run.artifact is not None
    assert run.artifact.rows == 50_000
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == run.artifact.sha256
    assert portal.mail_by_recipient() == {"ann@example.org": 1}

    assert_swept(left, redis)
    assert stored.exists()


def test_a_file_that_was_stored_and_never_recorded_is_not_used_and_swept_later(
    portal: Portal, redis: Redis
) -> None:
    portal.schedule(recipients=("ann@example.org",))
    portal.start("scheduler")
    dying = portal.start("worker", Fault("portal.storage.local:LocalStorage.store", when="after"))
    dying.await_death()
    (left,) = portal.stored_files()

    run = finished_by_another(portal)

    assert run.artifact is not None
    assert {run.artifact.sha256} == sha256_mailed(portal)
    assert_swept(left, redis)
    (stored,) = portal.stored_files()
    assert stored == portal.settings.files_dir / run.artifact.storage_key


def test_what_was_stored_is_what_is_mailed(portal: Portal) -> None:
    """F3"""
    portal.schedule(recipients=("ann@example.org",))
    portal.start("scheduler")
    dying = portal.start("worker", Fault("portal.runs.pipeline:store", when="after"))
    dying.await_death()
    (stored,) = portal.stored_files()
    before = hashlib.sha256(stored.read_bytes()).hexdigest()
    assert portal.mail() == []

    run = finished_by_another(portal)

    assert portal.stored_files() == [stored]
    assert run.artifact is not None
    assert {before} == {run.artifact.sha256} == sha256_mailed(portal)
    assert portal.mail_by_recipient() == {"ann@example.org": 1}


def test_a_message_is_repeated_at_most_once_and_history_says_so(portal: Portal) -> None:
    """F4: killed between the server's 250 and the commit."""
    portal.schedule(recipients=("ann@example.org",))

    rescued_from(Fault("portal.delivery.email:send", when="after"), portal)

    assert portal.mail_by_recipient()["ann@example.org"] == 2, "one more than wanted, and no more"
    (delivery,) = portal.deliveries()
    assert {str(one["message-id"]) for one in portal.mail()} == {delivery.message_id}
    assert delivery.status is DeliveryStatus.SENT
    assert delivery.note == POSSIBLY_TWICE


def test_those_who_have_their_message_get_no_other(portal: Portal) -> None:
    """F5: killed after the second of five recipients."""
    portal.schedule(recipients=FIVE)

    rescued_from(Fault("portal.delivery.email:send", nth=3), portal)

    assert portal.mail_by_recipient() == dict.fromkeys(FIVE, 1)
    assert [delivery.note for delivery in portal.deliveries()] == [None, None, POSSIBLY_TWICE, None, None]
