"""Links: opened while they hold, said to be gone when they don't, and the bytes checked before they leave."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.delivery.models import Delivery
from portal.downloads import service, tokens
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.downloads.service import Visitor
from portal.errors import Forbidden, Gone, NotFound, StorageFailed
from portal.extensions import db
from portal.organizations.models import User
from portal.runs import pipeline
from portal.runs.models import Artifact, ScheduledExportRun
from portal.runs.service import run_now
from portal.storage.local import LocalStorage
from tests import factories
from tests.conftest import settings_below

WEEK = timedelta(days=7)
VISITOR = Visitor("192.0.2.1", "Browser/1.0")
NEWER = "a newer secret that is also long enough: 9876543210"


@pytest.fixture
def storage(settings: Settings) -> LocalStorage:
    return LocalStorage(settings.files_dir)


@pytest.fixture
def run(manager: User, dataset: Dataset, settings: Settings, storage: LocalStorage) -> ScheduledExportRun:
    """A run whose file went to two people."""
    plan = factories.schedule(manager, dataset, recipients=("ann@example.org", "bob@example.org"))
    made = run_now(manager, plan, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    pipeline.execute(made.public_id, worker="worker-1", settings=settings, storage=storage)
    return made


@pytest.fixture
def artifact(run: ScheduledExportRun) -> Artifact:
    assert run.artifact is not None
    return run.artifact


@pytest.fixture
def link(artifact: Artifact) -> DownloadLink:
    return db.session.scalars(select(DownloadLink).where(DownloadLink.recipient == "ann@example.org")).one()


def token_of(link: DownloadLink, settings: Settings) -> str:
    return service.url_for_link(link, settings).rpartition("/d/")[2]


def test_it_makes_a_link_a_recipient_once(link: DownloadLink, artifact: Artifact, settings: Settings) -> None:
    delivery = db.session.get_one(Delivery, link.delivery_id)

    again = service.link_for(artifact, delivery, settings=settings, now=datetime.now(UTC) + WEEK)

    assert again is link
    assert link.expires_at - link.created_at == WEEK
    assert len({found.public_id for found in db.session.scalars(select(DownloadLink))}) == 2


def test_it_opens_a_link_until_it_expires(link: DownloadLink, settings: Settings) -> None:
    token = token_of(link, settings)
    moment = timedelta(microseconds=1)

    assert service.url_for_link(link, settings) == f"http://portal.example/d/{token}"
    assert service.open_link(token, settings=settings, now=link.expires_at - moment) is link
    with pytest.raises(Gone, match="expired"):
        service.open_link(token, settings=settings, now=link.expires_at)


def test_it_opens_links_signed_under_a_replaced_secret(link: DownloadLink, tmp_path: Path) -> None:
    older = settings_below(tmp_path, "redis://127.0.0.1:1", secret_key="a plain secret of 32 characters!")
    rotated = settings_below(
        tmp_path, "redis://127.0.0.1:1", secret_key=NEWER, previous_secret_keys=older.secret_key
    )
    retired = settings_below(tmp_path, "redis://127.0.0.1:1", secret_key=NEWER)
    token = token_of(link, older)

    assert service.open_link(token, settings=rotated, now=link.created_at) is link
    with pytest.raises(NotFound):
        service.open_link(token, settings=retired, now=link.created_at)


def test_it_answers_all_foreign_tokens_alike(link: DownloadLink, settings: Settings) -> None:
    keys = settings.keys("links")
    foreign = [
        "",
        link.public_id,
        token_of(link, settings)[:-3] + "AAA",
        tokens.sign(link.public_id, settings.keys("session")),
        tokens.sign("-" * 22, keys),
        tokens.sign("unknown", keys),
    ]
    for token in foreign:
        with pytest.raises(NotFound) as refused:
            service.open_link(token, settings=settings, now=link.created_at)
        assert str(refused.value) == "There is no such link."


def test_it_says_when_a_file_is_no_longer_kept(
    link: DownloadLink, artifact: Artifact, settings: Settings, manager: User, run: ScheduledExportRun
) -> None:
    artifact.removed_at = datetime.now(UTC)
    db.session.flush()

    with pytest.raises(Gone, match="no longer kept"):
        service.open_link(token_of(link, settings), settings=settings, now=link.created_at)
    with pytest.raises(Gone, match="no longer kept"):
        service.get_artifact(manager, run.public_id)


# Files


def test_it_serves_the_very_bytes_that_were_made(artifact: Artifact, storage: LocalStorage) -> None:
    with service.open_artifact(artifact, storage) as file:
        content = file.read()

    assert len(content) == artifact.size
    assert content.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("change", ["altered", "cut", "longer", "gone"])
def test_it_withholds_a_file_that_changed_on_disk(
    artifact: Artifact, storage: LocalStorage, settings: Settings, change: str
) -> None:
    path = settings.files_dir / artifact.storage_key
    content = path.read_bytes()
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"altered": content[:-1] + b"?", "cut": content[:-1], "longer": content + b"\n"}[change]
        )

    with pytest.raises(StorageFailed):
        service.open_artifact(artifact, storage)


def test_it_gives_a_file_to_its_organization_only(
    run: ScheduledExportRun, artifact: Artifact, manager: User, auditor: User, outsider: User
) -> None:
    assert service.get_artifact(manager, run.public_id) is artifact
    assert service.get_artifact(auditor, run.public_id) is artifact
    for actor, run_id in ((outsider, run.public_id), (manager, "unknown")):
        with pytest.raises(NotFound):
            service.get_artifact(actor, run_id)


# The log


def test_it_counts_completed_downloads_of_each_recipient(
    link: DownloadLink, artifact: Artifact, run: ScheduledExportRun, manager: User
) -> None:
    now = datetime.now(UTC)
    for sent, completed in ((artifact.size, True), (artifact.size, True), (3, False)):
        event = service.log_download(artifact, VISITOR, now=now, link=link)
        db.session.flush()
        service.finish_download(event.id, sent=sent, completed=completed)
    signed_in = service.log_download(artifact, VISITOR, now=now, user=manager)
    db.session.flush()
    service.finish_download(signed_in.id, sent=artifact.size, completed=True)
    db.session.commit()

    assert service.download_counts(run) == {link.delivery_id: 2}
    events = db.session.scalars(select(DownloadEvent).order_by(DownloadEvent.id)).all()
    assert [(event.bytes, event.completed) for event in events[2:]] == [(3, False), (artifact.size, True)]
    assert {event.ip for event in events} == {"192.0.2.1"}


def test_it_puts_every_fetch_into_the_trail_without_the_token(
    link: DownloadLink, artifact: Artifact, settings: Settings, manager: User
) -> None:
    now = datetime.now(UTC)
    service.log_download(artifact, Visitor("192.0.2.1", "x" * 1000), now=now, link=link)
    service.log_download(artifact, VISITOR, now=now, user=manager)
    db.session.commit()

    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "file.download").order_by(AuditEntry.seq)
    ).all()
    assert [entry.actor for entry in entries] == ["ann@example.org", "manager@acme.example"]
    assert entries[0].target == f"file:{artifact.public_id}"
    assert token_of(link, settings) not in str(entries[0].after)


# Withdrawing


def test_it_withdraws_every_open_link(
    link: DownloadLink, run: ScheduledExportRun, manager: User, settings: Settings
) -> None:
    now = datetime.now(UTC)

    assert service.revoke_links(manager, run, now=now) == 2
    assert service.revoke_links(manager, run, now=now) == 0

    for found in db.session.scalars(select(DownloadLink)):
        with pytest.raises(Gone, match="withdrawn"):
            service.open_link(token_of(found, settings), settings=settings, now=now)


def test_it_leaves_links_that_ended_by_themselves(
    link: DownloadLink, run: ScheduledExportRun, manager: User
) -> None:
    assert service.revoke_links(manager, run, now=link.expires_at + WEEK) == 0
    assert link.revoked_at is None


def test_it_lets_no_auditor_withdraw(link: DownloadLink, run: ScheduledExportRun, auditor: User) -> None:
    with pytest.raises(Forbidden):
        service.revoke_links(auditor, run, now=datetime.now(UTC))

    assert link.revoked_at is None
