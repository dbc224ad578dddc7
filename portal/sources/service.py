"""An organization's data sources: adding, changing, testing and removing them, and opening one to be read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import InvalidToken
from sqlalchemy import select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError

from portal.audit import service as audit
from portal.config import Settings
from portal.encryption import decrypt, encrypt
from portal.errors import InvalidInput, NotFound, SourceUnavailable
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.sources.connection import Source, connect
from portal.sources.models import DataSource
from portal.sources.url import checked_url, host_and_port

TEST_TIMEOUT = 10.0  # seconds
MOST_FILES = 200
"""How many SQLite files are offered to choose from."""

_FILE_ENDINGS = (".db", ".db3", ".sqlite", ".sqlite3")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said when it was tested: its version, and how long opening it took, with our queries."""

    version: str
    milliseconds: float


def create_source(
    organization: Organization,
    name: str,
    url: str,
    *,
    settings: Settings,
    now: datetime,
    actor: str = "system",
    ip: str | None = None,
) -> DataSource:
    """Add a data source; its URL is checked and kept encrypted.

    Raises InvalidInput on field `name`, or on `url` and its parts.
    """
    checked = _checked(url, organization, settings)
    source = DataSource(
        organization_id=organization.id,
        name=_free_name(organization.id, name),
        kind=checked.get_backend_name(),
        url_encrypted=_encrypted(checked, settings),
        created_at=now,
    )
    db.session.add(source)
    db.session.flush()
    _record(source, "source.create", actor, now, ip, after=described(source, checked))
    return source


def change_source(
    actor: User,
    source: DataSource,
    name: str,
    url: str,
    *,
    settings: Settings,
    now: datetime,
    ip: str | None = None,
) -> None:
    """Give a source another name or URL. Raises InvalidInput as `create_source` does."""
    require(actor, Permission.MANAGE_DATASETS)
    organization = db.session.get_one(Organization, source.organization_id)
    checked, before = _checked(url, organization, settings), described(source, readable_url(source, settings))
    if checked.get_backend_name() != source.kind:
        raise InvalidInput("A source stays of its kind: add another one, and move its datasets.", "kind")
    source.name = _free_name(source.organization_id, name, besides=source)
    source.url_encrypted = _encrypted(checked, settings)
    db.session.flush()
    after = described(source, checked)
    _record(source, "source.change", actor.email, now, ip, before=before, after=after)


def remove_source(actor: User, source: DataSource, *, now: datetime, ip: str | None = None) -> None:
    """Remove a source that no dataset was ever made over. Raises InvalidInput otherwise."""
    require(actor, Permission.MANAGE_DATASETS)
    _record(source, "source.remove", actor.email, now, ip, before={"name": source.name, "kind": source.kind})
    db.session.delete(source)
    try:
        db.session.flush()
    except IntegrityError:
        raise InvalidInput(
            "Datasets were made over this source, maybe put away: their history needs it."
        ) from None


def list_sources(actor: User) -> Sequence[DataSource]:
    """Return the organization's sources by name."""
    require(actor, Permission.VIEW_DATASETS)
    return db.session.scalars(
        select(DataSource)
        .where(DataSource.organization_id == actor.organization_id)
        .order_by(DataSource.name, DataSource.id)
    ).all()


def get_source(actor: User, public_id: str) -> DataSource:
    """Return one source of the actor's organization. Raises NotFound."""
    require(actor, Permission.VIEW_DATASETS)
    found = db.session.scalars(
        select(DataSource).where(
            DataSource.public_id == public_id, DataSource.organization_id == actor.organization_id
        )
    ).first()
    if found is None:
        raise NotFound("There is no such data source.")
    return found


def opened(source: DataSource, settings: Settings) -> Source:
    """Return a source ready to connect to, checked again: settings and links may have changed since.

    Raises SourceUnavailable when its credentials can't be read, and InvalidInput when it may not be read.
    """
    organization = db.session.get_one(Organization, source.organization_id)
    url = url_of(source, settings).render_as_string(hide_password=False)
    return Source(_checked(url, organization, settings), settings.source_hosts)


def drafted(organization: Organization, url: str, settings: Settings) -> Source:
    """Return a source that is not saved yet, to be tested. Raises InvalidInput."""
    return Source(_checked(url, organization, settings), settings.source_hosts)


def test(source: Source) -> Answer:
    """Open a source, which asks it for its version and more. No transaction of ours may be open meanwhile.

    Raises what `connection.connect` raises.
    """
    started = time.perf_counter()
    with connect(source, timeout=TEST_TIMEOUT) as connection:
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return Answer(version, (time.perf_counter() - started) * 1000)


def url_of(source: DataSource, settings: Settings) -> URL:
    """Return the decrypted URL of a source. Raises SourceUnavailable."""
    try:
        return make_url(decrypt(source.url_encrypted, settings))
    except InvalidToken:
        raise SourceUnavailable(
            f"The credentials of “{source.name}” can't be read with the present PORTAL_SECRET_KEY."
        ) from None


def reencrypt(settings: Settings) -> int:
    """Encrypt all sources' URLs under the present secret and return how many there are.

    Raises SourceUnavailable for one that no secret opens; nothing is changed then.
    """
    found = db.session.scalars(select(DataSource).order_by(DataSource.id)).all()
    urls = [url_of(source, settings) for source in found]
    for source, url in zip(found, urls, strict=True):
        source.url_encrypted = _encrypted(url, settings)
    return len(found)


def readable_url(source: DataSource, settings: Settings) -> URL | None:
    """Return the URL of a source; None where no secret opens it, and it must be typed anew."""
    try:
        return url_of(source, settings)
    except SourceUnavailable:
        return None


def described(source: DataSource, url: URL | None) -> dict[str, Any]:
    """Return what may be shown of a source: all but its password. None is a URL that can't be read."""
    shown: dict[str, Any] = {"name": source.name, "kind": source.kind}
    if url is None:
        return shown
    if source.kind == "sqlite":
        return {**shown, "file": Path(url.database or "").name}
    host, port = host_and_port(url)
    encryption = str(url.query.get("sslmode", "prefer"))
    where = {"host": host, "port": port, "database": url.database, "user": url.username}
    return {**shown, **where, "encryption": encryption}


def sources_folder(settings: Settings, organization: Organization) -> Path:
    """Return the only folder in which an organization's SQLite sources may lie."""
    return settings.effective_sources_dir / organization.slug


def files_to_choose(settings: Settings, organization: Organization) -> list[str]:
    """Return the SQLite files in the organization's folder, by their path within it."""
    folder = sources_folder(settings, organization)
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in _FILE_ENDINGS and path.is_file())
    return [str(path.relative_to(folder)) for path in found][:MOST_FILES]


def _checked(text: str, organization: Organization, settings: Settings) -> URL:
    return checked_url(
        text,
        sources_dir=sources_folder(settings, organization),
        portal_database=settings.effective_database_url,
    )


def _encrypted(url: URL, settings: Settings) -> str:
    return encrypt(url.render_as_string(hide_password=False), settings)


def _free_name(organization_id: int, name: str, besides: DataSource | None = None) -> str:
    """Return a name that no other source of the organization has. Raises InvalidInput."""
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise InvalidInput("A source needs a name of at most 120 characters.", "name")
    taken = select(DataSource.id).where(
        DataSource.organization_id == organization_id, DataSource.name == name
    )
    if besides is not None:
        taken = taken.where(DataSource.id != besides.id)
    with db.session.no_autoflush:
        if db.session.scalar(taken) is not None:
            raise InvalidInput(f"There is already a source “{name}”.", "name")
    return name


def _record(
    source: DataSource,
    action: str,
    actor: str,
    now: datetime,
    ip: str | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    target = f"source:{source.public_id}"
    audit.record(
        source.organization_id,
        actor=actor,
        action=action,
        target=target,
        now=now,
        before=before,
        after=after,
        ip=ip,
    )
