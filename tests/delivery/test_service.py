"""The ledger: one message a recipient, every try on record, and an end to trying."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery import service
from portal.delivery.email import Letter
from portal.delivery.models import Delivery, DeliveryStatus
from portal.delivery.parcels import Guard, Shipment
from portal.downloads.models import DownloadLink
from portal.errors import LeaseLost
from portal.extensions import db
from portal.organizations.models import User
from portal.runs.models import Artifact, ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules.models import Channel
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import SmtpServer
from tests.mail_servers import HANG_UP, pointed_at, scripted

CONTENT = b"id,status\n1,OPEN\n"
DeliverTo = Callable[..., list[Delivery]]


@contextmanager
def fence() -> Iterator[None]:
    yield
    db.session.commit()


OURS = Guard(fence=fence, record=fence, before_sending=lambda: None, sent=lambda: None)
"""What a worker that keeps its run is asked and told."""


@pytest.fixture
def storage(settings: Settings) -> LocalStorage:
    return LocalStorage(settings.files_dir)


@pytest.fixture
def run(manager: User, dataset: Dataset, settings: Settings) -> ScheduledExportRun:
    made = run_now(manager, factories.schedule(manager, dataset), settings=settings, now=datetime.now(UTC))
    db.session.commit()
    return made


@pytest.fixture
def artifact(run: ScheduledExportRun, storage: LocalStorage) -> Artifact:
    with storage.work_file() as path:
        path.write_bytes(CONTENT)
        storage.store(path, "acme/0123")
    made = Artifact(
        run_id=run.id,
        organization_id=run.organization_id,
        filename="cases.csv",
        media_type="text/csv",
        size=len(CONTENT),
        sha256="0" * 64,
        rows=1,
        storage_key="acme/0123",
        created_at=run.created_at,
        expires_at=run.created_at + timedelta(days=90),
    )
    db.session.add(made)
    db.session.commit()
    return made


def shipment(artifact: Artifact, channel: Channel, targets: tuple[str, ...], settings: Settings) -> Shipment:
    letter = Letter(
        organization="Acme Co.",
        schedule="Weekly cases",
        due_at=artifact.created_at,
        timezone="Europe/Berlin",
        filename=artifact.filename,
        media_type=artifact.media_type,
        size=artifact.size,
        rows=artifact.rows,
        sha256=artifact.sha256,
        facts=(),
        everyone=targets,
    )
    return Shipment(
        run_pk=artifact.run_id,
        run_id="run-1",
        artifact_id=artifact.id,
        storage_key=artifact.storage_key,
        channel=channel,
        targets=targets,
        letter=letter,
        folder=settings.folders_dir / "acme",
    )


@pytest.fixture
def deliver(app: Flask, artifact: Artifact, storage: LocalStorage) -> DeliverTo:
    """Owe the file to some targets and try once; return the ledger in order."""

    def attempt(settings: Settings, *targets: str, channel: Channel = Channel.EMAIL) -> list[Delivery]:
        app.config["PORTAL"] = settings
        service.open_deliveries(artifact.run_id, channel, targets)
        db.session.commit()
        sent = shipment(artifact, channel, targets, settings)
        db.session.commit()
        service.deliver(sent, OURS, storage=storage, settings=settings)
        return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))

    return attempt


def come_due(delivery: Delivery) -> None:
    delivery.next_attempt_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()


def standing(delivery: Delivery) -> tuple[int, int, int]:
    found = service.outcome(delivery.run_id)
    return found.sent, found.failed, found.open


def test_it_sends_each_recipient_a_message_of_their_own(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    people = ("ann@example.org", "bob@example.org", "cem@example.org")

    rows = deliver(settings, *people, "ann@example.org")

    messages = smtp.messages()
    assert [message["X-Envelope-To"] for message in messages] == list(people)
    assert all(person in str(message["To"]) for message in messages for person in people)
    assert len({message["Message-ID"] for message in messages}) == 3
    assert [(row.target, row.status) for row in rows] == [(p, DeliveryStatus.SENT) for p in people]
    assert standing(rows[0]) == (3, 0, 0)


def test_it_gives_each_recipient_a_link_of_their_own_in_both_parts(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    deliver(settings, "ann@example.org", "bob@example.org")

    links = set()
    for message in smtp.messages():
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        assert text is not None
        assert html is not None
        (link,) = (word for word in text.get_content().split() if "/d/" in word)
        assert link in html.get_content()
        links.add(link)
    assert len(links) == 2
    recipients = db.session.scalars(select(DownloadLink.recipient)).all()
    assert sorted(recipients) == ["ann@example.org", "bob@example.org"]


def test_it_sends_nothing_twice_when_it_is_called_again(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    deliver(settings, "ann@example.org")

    (row,) = deliver(settings, "ann@example.org")

    assert len(smtp.messages()) == len(row.attempts) == 1


def test_it_lets_no_refusal_keep_others_from_the_file(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    refused, deferred, sent = deliver(
        settings, "refused@example.org", "deferred@example.org", "ann@example.org"
    )

    assert (refused.status, refused.attempts[0].code) == (DeliveryStatus.REFUSED, 550)
    assert (deferred.status, deferred.attempts[0].code) == (DeliveryStatus.DEFERRED, 451)
    assert sent.status is DeliveryStatus.SENT
    assert standing(sent) == (1, 1, 1)


def test_it_tries_again_at_growing_distances_under_one_message_id(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    changed = settings.model_copy(update={"delivery_retry_delays": (10.0, 100.0)})
    waits = []
    for _ in range(3):
        (row,) = deliver(changed, "deferred@example.org")
        assert row.next_attempt_at is not None
        waits.append(row.next_attempt_at - row.attempts[-1].at)
        come_due(row)

    assert [round(wait.total_seconds(), -1) for wait in waits] == [10, 100, 100]
    assert len({attempt.message_id for attempt in row.attempts}) == 1
    assert len(row.attempts) == 3


def test_it_waits_for_the_time_of_the_next_try(deliver: DeliverTo, settings: Settings) -> None:
    deliver(settings, "deferred@example.org")

    (row,) = deliver(settings, "deferred@example.org")

    assert len(row.attempts) == 1


def test_it_gives_up_when_the_time_for_retries_is_over(deliver: DeliverTo, settings: Settings) -> None:
    (row,) = deliver(settings, "deferred@example.org")
    row.first_tried_at = datetime.now(UTC) - timedelta(seconds=settings.delivery_retry_for)
    come_due(row)

    (row,) = deliver(settings, "deferred@example.org")

    assert (row.status, row.next_attempt_at) == (DeliveryStatus.REFUSED, None)
    assert row.note == "Given up after 24 hours."
    assert standing(row) == (0, 1, 0)


def test_it_tries_once_more_when_the_outcome_is_unknown_and_then_says_so(
    deliver: DeliverTo, settings: Settings
) -> None:
    with scripted(answers={"END": HANG_UP}) as server:
        changed = pointed_at(settings, server)
        (row,) = deliver(changed, "ann@example.org")
        assert row.status is DeliveryStatus.UNKNOWN
        assert standing(row) == (0, 0, 1)
        come_due(row)
        (row,) = deliver(changed, "ann@example.org")

    assert (row.status, row.next_attempt_at) == (DeliveryStatus.UNKNOWN, None)
    assert standing(row) == (0, 1, 0)
    assert len(server.messages) == len(row.attempts) == 2
    assert len({attempt.message_id for attempt in row.attempts}) == 1
    assert row.note is not None
    assert row.note.startswith("Possibly sent twice")


def test_it_gives_an_unknown_outcome_its_second_try_also_after_a_deferral(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    with scripted(answers={"RCPT": "451 4.7.1 greylisted"}) as server:
        (row,) = deliver(pointed_at(settings, server), "ann@example.org")
    come_due(row)
    with scripted(answers={"END": HANG_UP}) as server:
        (row,) = deliver(pointed_at(settings, server), "ann@example.org")
    assert standing(row) == (0, 0, 1)
    come_due(row)

    (row,) = deliver(settings, "ann@example.org")

    assert row.status is DeliveryStatus.SENT
    assert row.note is not None, "history goes on saying that it may have been sent twice"
    assert len(smtp.messages()) == 1


def test_it_says_possibly_twice_when_a_worker_died_while_sending(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    (row,) = deliver(settings, "ann@example.org")
    row.status = DeliveryStatus.SENDING
    db.session.commit()

    (row,) = deliver(settings, "ann@example.org")

    assert row.status is DeliveryStatus.SENT
    assert row.note == service.POSSIBLY_TWICE
    assert len({message["Message-ID"] for message in smtp.messages()}) == 1


def test_it_sends_anew_to_those_who_failed_with_a_new_message_id(
    deliver: DeliverTo, settings: Settings, smtp: SmtpServer
) -> None:
    with scripted(answers={"RCPT": "550 5.1.1 no such user"}) as server:
        (row,) = deliver(pointed_at(settings, server), "ann@example.org")
    before = row.message_id

    assert service.send_again(row.run_id) == 1
    (row,) = deliver(settings, "ann@example.org")

    assert row.status is DeliveryStatus.SENT
    assert row.message_id not in (None, before)
    assert [attempt.message_id for attempt in row.attempts] == [before, row.message_id]
    assert service.send_again(row.run_id) == 0
    (message,) = smtp.messages()
    assert message["Message-ID"] == row.message_id


def test_it_starts_no_send_once_the_run_is_somebody_elses(
    app: Flask, artifact: Artifact, storage: LocalStorage, settings: Settings, smtp: SmtpServer
) -> None:
    def lost() -> AbstractContextManager[None]:
        raise LeaseLost("gone")

    service.open_deliveries(artifact.run_id, Channel.EMAIL, ["ann@example.org"])
    sent = shipment(artifact, Channel.EMAIL, ("ann@example.org",), settings)
    db.session.commit()

    with pytest.raises(LeaseLost):
        service.deliver(sent, replace(OURS, fence=lost), storage=storage, settings=settings)

    assert smtp.messages() == []


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.STORAGE])
def test_it_sends_nothing_when_the_lease_ran_out_since_the_last_write(
    app: Flask,
    artifact: Artifact,
    storage: LocalStorage,
    settings: Settings,
    smtp: SmtpServer,
    channel: Channel,
) -> None:
    """Frozen between the commit that said `sending` and DATA: nothing in the database tells it so."""

    def frozen() -> None:
        raise LeaseLost("not renewed in time")

    target = "ann@example.org" if channel is Channel.EMAIL else "reports"
    service.open_deliveries(artifact.run_id, channel, [target])
    sent = shipment(artifact, channel, (target,), settings)
    db.session.commit()

    with pytest.raises(LeaseLost):
        service.deliver(sent, replace(OURS, before_sending=frozen), storage=storage, settings=settings)

    assert smtp.messages() == []
    assert not settings.folders_dir.exists()


def test_it_copies_into_the_organizations_folder(deliver: DeliverTo, settings: Settings) -> None:
    (row,) = deliver(settings, "reports/weekly", channel=Channel.STORAGE)

    assert row.status is DeliveryStatus.SENT
    written = settings.folders_dir / "acme" / "reports" / "weekly" / "cases.csv"
    assert written.read_bytes() == CONTENT
    assert row.attempts[0].reply == "written to reports/weekly/cases.csv"


def test_it_records_a_folder_that_leads_out_as_refused(
    deliver: DeliverTo, settings: Settings, tmp_path: Path
) -> None:
    (settings.folders_dir / "acme").mkdir(parents=True)
    (settings.folders_dir / "acme" / "link").symlink_to(tmp_path)

    (row,) = deliver(settings, "link", channel=Channel.STORAGE)

    assert row.status is DeliveryStatus.REFUSED
    assert "leads out" in row.attempts[0].reply
    assert not (tmp_path / "cases.csv").exists()


def test_it_tries_a_folder_again_that_can_not_be_written_now(deliver: DeliverTo, settings: Settings) -> None:
    settings.folders_dir.mkdir(parents=True)
    (settings.folders_dir / "acme").write_text("a file where a folder should be")

    (row,) = deliver(settings, "reports", channel=Channel.STORAGE)

    assert row.status is DeliveryStatus.DEFERRED
    assert row.next_attempt_at is not None


def test_it_keeps_nobody_waiting_for_a_server_that_is_not_there(
    deliver: DeliverTo, settings: Settings
) -> None:
    """Two hundred recipients at half a minute each would outlast the run's time limit."""
    away = settings.model_copy(update={"mail_port": 9})
    people = ("ann@example.org", "bob@example.org", "cat@example.org")

    rows = deliver(away, *people)

    assert [row.status for row in rows] == [DeliveryStatus.DEFERRED] * 3
    assert [len(row.attempts) for row in rows] == [1, 0, 0]
    assert all(row.next_attempt_at is not None for row in rows)
    assert (rows[1].note or "").startswith("Not tried: no connection to the mail server")
    assert standing(rows[0]) == (0, 0, 3)

    for row in rows:
        come_due(row)
    assert {row.status for row in deliver(settings, *people)} == {DeliveryStatus.SENT}


def test_it_insists_on_recording_an_answer(
    app: Flask, artifact: Artifact, storage: LocalStorage, settings: Settings, smtp: SmtpServer
) -> None:
    """The database goes away between the server's 250 and the commit: nobody gets the file twice for that."""
    refusals = iter([OperationalError("UPDATE", {}, Exception("the server closed the connection"))] * 2)

    @contextmanager
    def away_twice() -> Iterator[None]:
        for refusal in refusals:
            raise refusal
        yield
        db.session.commit()

    service.open_deliveries(artifact.run_id, Channel.EMAIL, ["ann@example.org"])
    sent = shipment(artifact, Channel.EMAIL, ("ann@example.org",), settings)
    db.session.commit()

    service.deliver(sent, replace(OURS, record=away_twice), storage=storage, settings=settings)

    assert db.session.scalars(select(Delivery)).one().status is DeliveryStatus.SENT
    assert len(smtp.messages()) == 1
