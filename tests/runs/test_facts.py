"""What a run's page says of it."""

from datetime import timedelta

import pytest

from portal.delivery.models import Delivery, DeliveryStatus
from portal.runs import facts
from portal.runs.models import Artifact, RunStatus, ScheduledExportRun
from tests import factories


def run(status: RunStatus, **changes: object) -> ScheduledExportRun:
    values: dict[str, object] = {
        "status": status,
        "due_at": factories.NOW,
        "snapshot": {"channel": "email", "location": None},
        **changes,
    }
    return ScheduledExportRun(**values)


def deliveries(*statuses: str) -> list[Delivery]:
    return [Delivery(status=DeliveryStatus(status)) for status in statuses]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "under 1 s"),
        (0.4, "under 1 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (76, "1 min 16 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (200_000, "2 days"),
    ],
)
def test_it_says_how_long_something_took(seconds: float, words: str) -> None:
    assert facts.span(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("made", "sent", "words"),
    [
        (run(RunStatus.QUEUED), (), "Waiting for a worker."),
        (run(RunStatus.QUEUED, not_before=factories.NOW), (), "Waiting for its next attempt."),
        (run(RunStatus.RUNNING, stage="read"), (), "Reading the rows and writing the file."),
        (
            run(RunStatus.DELIVERING),
            ("sent", "deferred"),
            "1 of 2 have the file; the others are tried again by themselves.",
        ),
        (run(RunStatus.SUCCESS), ("sent",), "The recipient has the file."),
        (run(RunStatus.SUCCESS), ("sent", "sent"), "All 2 recipients have the file."),
        (
            run(RunStatus.SUCCESS, snapshot={"channel": "storage", "location": "a/b"}),
            ("sent",),
            "The file is in the folder a/b.",
        ),
        (
            run(RunStatus.PARTIAL),
            ("sent", "refused", "unknown"),
            "1 of 3 recipients have the file. Nothing more is tried by itself.",
        ),
        (
            run(RunStatus.FAILED, reason="no such table: x"),
            (),
            "no such table: x. Nothing more is tried by itself.",
        ),
        (run(RunStatus.MISSED, reason="The scheduler was away."), (), "The scheduler was away."),
        (run(RunStatus.SKIPPED, reason="There were no rows."), (), "There were no rows."),
        (
            run(RunStatus.SUCCESS, told_empty=True),
            ("sent",),
            "There were no rows. The recipient was told so.",
        ),
        (
            run(RunStatus.SUCCESS, told_empty=True),
            ("sent", "sent"),
            "There were no rows. All 2 recipients were told so.",
        ),
        (
            run(RunStatus.DELIVERING, told_empty=True),
            ("sent", "deferred"),
            "1 of 2 have the mail; the others are tried again by themselves.",
        ),
        (
            run(RunStatus.PARTIAL, told_empty=True),
            ("sent", "refused"),
            "1 of 2 recipients have the mail. Nothing more is tried by itself.",
        ),
    ],
)
def test_it_says_how_a_run_stands(made: ScheduledExportRun, sent: tuple[str, ...], words: str) -> None:
    assert facts.summary(made, deliveries(*sent)) == words


@pytest.mark.parametrize(
    ("status", "artifact", "retry", "resend"),
    [
        (RunStatus.FAILED, None, True, 0),
        (RunStatus.MISSED, None, True, 0),
        (RunStatus.FAILED, Artifact(), False, 3),
        (RunStatus.PARTIAL, Artifact(), False, 3),
        (RunStatus.PARTIAL, Artifact(removed_at=factories.NOW), False, 0),
        (RunStatus.SUCCESS, Artifact(), False, 0),
        (RunStatus.DELIVERING, Artifact(), False, 0),
        (RunStatus.QUEUED, None, False, 0),
        (RunStatus.SKIPPED, None, False, 0),
    ],
)
def test_it_offers_what_can_mend_a_run(
    status: RunStatus, artifact: Artifact | None, retry: bool, resend: int
) -> None:
    made = run(status, artifact=artifact)

    ledger = deliveries("sent", "refused", "unknown", "deferred")
    assert facts.can_retry(made, ledger) is retry
    assert facts.lacking(made, ledger) == resend


def test_it_offers_to_tell_those_again_who_were_not_told_of_no_rows() -> None:
    made = run(RunStatus.FAILED, told_empty=True)

    assert facts.lacking(made, deliveries("refused", "unknown")) == 2
    assert not facts.can_retry(made, deliveries("refused", "unknown"))


def test_it_offers_a_retry_where_all_have_the_file_of_a_failed_run() -> None:
    """The worker died after the last answer, before the run was closed."""
    made = run(RunStatus.FAILED, artifact=Artifact())

    assert facts.can_retry(made, deliveries("sent", "sent"))
