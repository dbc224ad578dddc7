"""Links to files: making, opening, revoking, and logging what was fetched."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader

from sqlalchemy import func, select, update

from portal.audit import service as audit
from portal.config import Settings
from portal.delivery.models import Delivery
from portal.downloads import tokens
from portal.downloads.models import DownloadEvent, DownloadLink
from portal.errors import Gone, NotFound, StorageFailed
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.runs.models import Artifact, ScheduledExportRun
from portal.storage.base import Storage

_NO_SUCH_ID = "-" * 22


def link_for(
    artifact: Artifact, delivery: Delivery, *, settings: Settings, now: datetime, renew: bool = False
) -> DownloadLink:
    """Return the recipient's link to the file, made on first call.

    `renew` opens it for its full time from now on, even if it was revoked: for a mail sent anew by hand.
    """
    link = db.session.scalars(
        select(DownloadLink).where(
            DownloadLink.artifact_id == artifact.id, DownloadLink.delivery_id == delivery.id
        )
    ).first()
    if link is None:
        link = DownloadLink(
            artifact_id=artifact.id,
            delivery_id=delivery.id,
            recipient=delivery.target,
            created_at=now,
            expires_at=now,
        )
        db.session.add(link)
        renew = True
    if renew:
        link.expires_at, link.revoked_at = now + timedelta(days=settings.link_days), None
    db.session.flush()
    return link


def url_for_link(link: DownloadLink, settings: Settings) -> str:
    """Return the absolute URL a recipient gets."""
    return f"{settings.public_url}/d/{tokens.sign(link.public_id, settings.keys('links'))}"


def open_link(token: str, *, settings: Settings, now: datetime) -> DownloadLink:
    """Return the link of a token.

    Raises NotFound for any token that isn't ours, after the same database look-up as for one that is, and
    Gone for one that expired, was revoked, or whose file is no longer kept.
    """
    public_id = tokens.verify(token, settings.keys("links"))
    link = db.session.scalars(
        select(DownloadLink).where(DownloadLink.public_id == (public_id or _NO_SUCH_ID))
    ).first()
    if link is None:
        raise NotFound("There is no such link.")
    if link.revoked_at:
        raise Gone("This link was withdrawn.")
    if link.expires_at <= now:
        raise Gone("This link has expired.")
    if link.artifact.removed_at:
        raise Gone("The file is no longer kept.")
    return link


def open_artifact(artifact: Artifact, storage: Storage) -> BufferedReader:
    """Open the file of a run once its bytes match the recorded hash. Raises StorageFailed otherwise."""
    file = storage.open(artifact.storage_key)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != artifact.sha256:
        file.close()
        raise StorageFailed("The stored file is not the one that was made; it is withheld.")
    file.seek(0)
    return file


def get_artifact(actor: User, run_public_id: str) -> Artifact:
    """Return the file of a run of the actor's organization. Raises NotFound, Forbidden or Gone."""
    artifact = db.session.scalars(
        select(Artifact)
        .join(ScheduledExportRun, ScheduledExportRun.id == Artifact.run_id)
        .where(
            ScheduledExportRun.public_id == run_public_id,
            Artifact.organization_id == actor.organization_id,
        )
    ).first()
    if artifact is None:
        raise NotFound("There is no such file.")
    require(actor, Permission.DOWNLOAD_FILES)
    if artifact.removed_at:
        raise Gone("The file is no longer kept.")
    return artifact


@dataclass(frozen=True)
class Visitor:
    """Who fetched a file, as far as the request tells."""

    ip: str | None
    agent: str


def log_download(
    artifact: Artifact,
    visitor: Visitor,
    *,
    now: datetime,
    link: DownloadLink | None = None,
    user: User | None = None,
) -> DownloadEvent:
    """Record that a fetch began; `finish_download` says how it ended."""
    event = DownloadEvent(
        artifact_id=artifact.id,
        link_id=link.id if link else None,
        user_id=user.id if user else None,
        at=now,
        ip=visitor.ip,
        agent=visitor.agent[:300],
    )
    db.session.add(event)
    audit.record(
        artifact.organization_id,
        actor=user.email if user else (link.recipient if link else "unknown"),
        action="file.download",
        target=f"file:{artifact.public_id}",
        now=now,
        ip=visitor.ip,
        after={"link": link.public_id if link else None},
    )
    return event


def finish_download(event_id: int, *, sent: int, completed: bool) -> None:
    """Record how many bytes left, and whether all of them did."""
    db.session.execute(
        update(DownloadEvent).where(DownloadEvent.id == event_id).values(bytes=sent, completed=completed)
    )


def download_counts(run: ScheduledExportRun) -> dict[int, int]:
    """Return completed downloads by delivery id."""
    rows = db.session.execute(
        select(DownloadLink.delivery_id, func.count())
        .join(DownloadEvent, DownloadEvent.link_id == DownloadLink.id)
        .join(Delivery, Delivery.id == DownloadLink.delivery_id)
        .where(Delivery.run_id == run.id, DownloadEvent.completed)
        .group_by(DownloadLink.delivery_id)
    )
    return dict(rows.all())


def revoke_links(actor: User, run: ScheduledExportRun, *, now: datetime, ip: str | None = None) -> int:
    """Withdraw every open link to a run's file; return how many."""
    require(actor, Permission.REVOKE_LINKS)
    open_links = db.session.scalars(
        select(DownloadLink)
        .join(Artifact, Artifact.id == DownloadLink.artifact_id)
        .where(Artifact.run_id == run.id, DownloadLink.revoked_at.is_(None), DownloadLink.expires_at > now)
    ).all()
    for link in open_links:
        link.revoked_at = now
    audit.record(
        run.organization_id,
        actor=actor.email,
        action="links.revoke",
        target=f"run:{run.public_id}",
        now=now,
        ip=ip,
        after={"links": len(open_links)},
    )
    return len(open_links)
