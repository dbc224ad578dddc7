"""The soak's account must see each promise that did not hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.stage.books import Books, Mail
from benchmarks.stage.fleet import Fault
from benchmarks.stage.ledger import Ledger
from portal.delivery.models import Delivery, DeliveryStatus
from portal.runs.models import Artifact, RunAttempt, RunStatus, ScheduledExportRun, Trigger
from portal.schedules.models import Channel

DUE = datetime(2025, 3, 3, 7, 0, tzinfo=UTC)
RUN = "abcdefghijklmnopqrstuv"
MESSAGE_ID = f"<{RUN}.0123456789abcdef@portal.example>"
MAIL = Mail(MESSAGE_ID, ("ann@example.org",), "f00d")


def a_run(**changes: Any) -> ScheduledExportRun:
    values = {
        "id": 1,
        "public_id": RUN,
        "schedule_id": 7,
        "due_at": DUE,
        "trigger": Trigger.SCHEDULE,
        "status": RunStatus.SUCCESS,
        "snapshot": {"recipients": ["ann@example.org"]},
        "created_at": DUE,
        "started_at": DUE,
        "completed_at": DUE,
        "attempts": [],
        "artifact": Artifact(storage_key="acme/1", sha256="f00d"),
        **changes,
    }
    return ScheduledExportRun(**values)


def a_delivery(**changes: Any) -> Delivery:
    values = {
        "channel": Channel.EMAIL,
        "target": "ann@example.org",
        "status": DeliveryStatus.SENT,
        "message_id": MESSAGE_ID,
        **changes,
    }
    return Delivery(**values)


def broken(
    runs: list[ScheduledExportRun] | None = None, faults: tuple[Fault, ...] = (), **changes: Any
) -> list[str]:
    """What the ledger finds wrong with one run that went well but for these changes."""
    books = Books(
        runs=[a_run()] if runs is None else runs,
        deliveries={1: [a_delivery()]},
        closings={RUN: 1},
        mails=[MAIL],
        files={"acme/1": "f00d"},
        work_files=0,
        chains=1,
        bad_chains=[],
    )
    ledger = Ledger(replace(books, **changes), {7: DUE}, faults)
    assert all(ledger.lines())
    return [str(one) for one in ledger.broken()]


def test_it_finds_nothing_where_all_went_well() -> None:
    assert broken() == []


def test_it_finds_an_occurrence_without_a_run() -> None:
    assert "P1  schedule 7 has no run for 07:00" in broken(runs=[])


def test_it_finds_a_run_that_nobody_wanted() -> None:
    stray = a_run(id=2, public_id="stray", due_at=DUE + timedelta(minutes=1))
    assert "P1  nothing was due at 07:01:00, run stray" in broken(runs=[a_run(), stray])


def test_it_finds_an_occurrence_with_two_runs() -> None:
    found = broken(runs=[a_run(), a_run(id=2, public_id="second")], closings={RUN: 1, "second": 1})
    assert "P1  its occurrence has several, run second" in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": RunStatus.RUNNING}, "P2  still RUNNING"),
        ({"status": RunStatus.FAILED, "reason": None}, "P2  FAILED without a reason"),
        ({"artifact": None}, "P8  has no file"),
    ],
)
def test_it_finds_a_run_that_did_not_end_well(changes: dict[str, Any], said: str) -> None:
    assert f"{said}, run {RUN}" in broken(runs=[a_run(**changes)])


def test_it_lets_a_run_fail_with_a_reason() -> None:
    failed = a_run(status=RunStatus.FAILED, reason="No retry is left.", artifact=None)
    assert broken(runs=[failed], deliveries={}, mails=[]) == []


def test_it_finds_an_end_that_the_trail_tells_twice() -> None:
    assert broken(closings={RUN: 2}) == [f"P10  the trail ends it 2 times, run {RUN}"]


@pytest.mark.parametrize(
    ("files", "said"), [({}, "its file is missing"), ({"acme/1": "bad"}, "its file is altered")]
)
def test_it_finds_a_file_that_is_not_as_recorded(files: dict[str, str], said: str) -> None:
    assert broken(files=files) == [f"P8  {said}, run {RUN}"]


def test_it_finds_mail_that_never_came() -> None:
    assert broken(mails=[]) == [f"P9  ann@example.org: recorded as sent, and never came, run {RUN}"]


def test_it_finds_mail_that_came_twice_unless_the_history_says_so() -> None:
    twice = [MAIL, MAIL]
    assert broken(mails=twice) == [
        f"P9  ann@example.org: came 2 times, and the history does not say so, run {RUN}"
    ]
    assert broken(mails=twice, deliveries={1: [a_delivery(note="Possibly sent twice: so it was.")]}) == []


def test_it_finds_mail_that_nobody_owed() -> None:
    stray = replace(MAIL, recipients=("bob@example.org",))
    assert broken(mails=[MAIL, stray]) == [f"P9  nobody owed {MESSAGE_ID} to bob@example.org"]
    alert = replace(stray, message_id="<alert@portal.example>")
    assert broken(mails=[MAIL, alert]) == []


def test_it_finds_a_recipient_without_a_delivery() -> None:
    run = a_run(snapshot={"recipients": ["ann@example.org", "bob@example.org"]})
    assert broken(runs=[run]) == [f"P9  its deliveries are not its recipients, run {RUN}"]


def test_it_finds_other_bytes_in_the_mail() -> None:
    other = replace(MAIL, sha256="bad")
    assert broken(mails=[other]) == [f"P9  ann@example.org got other bytes than the file's, run {RUN}"]


def test_it_finds_a_run_that_waited_too_long_for_another_worker() -> None:
    lost = RunAttempt(number=1, worker="host-41", started_at=DUE, outcome="worker lost")
    second = RunAttempt(
        number=2, worker="host-42", started_at=DUE + timedelta(seconds=131), outcome="SUCCESS"
    )
    run, kill = (
        a_run(attempts=[lost, second]),
        Fault(DUE + timedelta(seconds=1), "kill", "worker", 41, busy=True),
    )
    assert broken(runs=[run], faults=(kill,)) == [
        f"P6  taken over 130 s after its worker was killed, run {RUN}"
    ]
    flush = Fault(DUE + timedelta(seconds=60), "flush")
    assert broken(runs=[run], faults=(kill, flush)) == []
