"""Datasets of an organization: finding them, checking what was chosen, reading their rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import InvalidToken
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from portal.audit import service as audit
from portal.config import Settings
from portal.datasets import query, sources
from portal.datasets.filters import bindings, parameters_of
from portal.datasets.models import Dataset, DatasetVersion, DataSource, ExportType
from portal.datasets.parameters import Parameter
from portal.encryption import decrypt, encrypt
from portal.errors import InvalidInput, NotFound, SourceUnavailable
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.table import Column

CHOICES_LIMIT = 500
CHOICES_TIMEOUT = 5.0


@dataclass(frozen=True)
class Reading:
    """A query ready to run: see `query.open_rows`."""

    url: URL
    sql: str
    values: dict[str, Any]
    columns: tuple[Column, ...]


def create_source(
    organization: Organization, name: str, url: str, *, settings: Settings, now: datetime
) -> DataSource:
    """Add a data source; its URL is checked and kept encrypted. Raises InvalidInput."""
    checked = sources.checked_url(
        url,
        sources_dir=sources_folder(settings, organization),
        portal_database=settings.effective_database_url,
    )
    source = DataSource(
        organization_id=organization.id,
        name=name,
        kind=checked.get_backend_name(),
        url_encrypted=encrypt(checked.render_as_string(hide_password=False), settings),
        created_at=now,
    )
    db.session.add(source)
    db.session.flush()
    return source


def sources_folder(settings: Settings, organization: Organization) -> Path:
    """Return the only folder in which an organization's SQLite sources may lie."""
    return settings.effective_sources_dir / organization.slug


def create_dataset(
    source: DataSource,
    *,
    name: str,
    description: str,
    export_type: ExportType,
    sql: str,
    parameters: Sequence[Parameter],
    columns: Sequence[Column],
    key_columns: Sequence[str],
    now: datetime,
) -> Dataset:
    """Add a dataset with its first version."""
    dataset = Dataset(
        organization_id=source.organization_id,
        source_id=source.id,
        name=name,
        description=description,
        export_type=export_type,
        created_at=now,
    )
    dataset.versions.append(
        DatasetVersion(
            number=1,
            sql=sql,
            parameters=[parameter.to_dict() for parameter in parameters],
            columns=[column.to_dict() for column in columns],
            key_columns=list(key_columns),
            created_at=now,
        )
    )
    db.session.add(dataset)
    db.session.flush()
    return dataset


def dataset_by_name(organization: str, name: str) -> Dataset:
    """Return a dataset in use by its organization's slug and its name. Raises NotFound."""
    found = db.session.scalars(
        select(Dataset)
        .join(Organization, Organization.id == Dataset.organization_id)
        .where(Organization.slug == organization, Dataset.name == name, Dataset.archived_at.is_(None))
    ).first()
    if found is None:
        raise NotFound(f"“{organization}” has no dataset “{name}”.")
    return found


def choose_csv(
    dataset: Dataset, options: CsvOptions, *, now: datetime, actor: str = "system"
) -> DatasetVersion:
    """Add a version of a dataset whose CSV is written as `options` say; new runs use it."""
    old = current_version(dataset)
    version = DatasetVersion(
        dataset=dataset,
        number=old.number + 1,
        sql=old.sql,
        parameters=old.parameters,
        columns=old.columns,
        key_columns=old.key_columns,
        csv_options=options.to_dict(),
        created_at=now,
    )
    db.session.add(version)
    audit.record(
        dataset.organization_id,
        actor=actor,
        action="dataset.csv_options",
        target=f"dataset:{dataset.public_id}",
        now=now,
        before=old.csv_options or CsvOptions().to_dict(),
        after=version.csv_options,
    )
    db.session.flush()
    return version


def list_datasets(actor: User) -> list[Dataset]:
    """Return the organization's datasets in use, by name."""
    require(actor, Permission.VIEW_SCHEDULES)
    return list(
        db.session.scalars(
            select(Dataset)
            .where(Dataset.organization_id == actor.organization_id, Dataset.archived_at.is_(None))
            .order_by(Dataset.name)
        )
    )


def get_dataset(actor: User, public_id: str) -> Dataset:
    """Return one dataset of the actor's organization. Raises InvalidInput on field `dataset` otherwise."""
    found = db.session.scalars(
        select(Dataset).where(
            Dataset.public_id == public_id,
            Dataset.organization_id == actor.organization_id,
            Dataset.archived_at.is_(None),
        )
    ).first()
    if found is None:
        raise InvalidInput("Choose a dataset from the list.", "dataset")
    return found


def current_version(dataset: Dataset) -> DatasetVersion:
    """Return the newest version, which new runs use."""
    return db.session.scalars(
        select(DatasetVersion)
        .where(DatasetVersion.dataset_id == dataset.id)
        .order_by(DatasetVersion.number.desc())
        .limit(1)
    ).one()


def newest_versions(dataset_ids: Collection[int]) -> dict[int, int]:
    """Return the id of each dataset's newest version: ids grow with their numbers."""
    rows = db.session.execute(
        select(DatasetVersion.dataset_id, func.max(DatasetVersion.id))
        .where(DatasetVersion.dataset_id.in_(dataset_ids))
        .group_by(DatasetVersion.dataset_id)
    )
    return {dataset_id: version_id for dataset_id, version_id in rows}  # noqa: C416 - dict() loses the types


def get_version(version_id: int) -> DatasetVersion:
    """Return the version that a snapshot names. Raises NotFound."""
    version = db.session.get(DatasetVersion, version_id)
    if version is None:
        raise NotFound("The dataset's version is gone.")
    return version


def choices_for(dataset: Dataset, settings: Settings) -> dict[str, list[tuple[str, str]]]:
    """Return the choices of each choice parameter as value and label, read from the source where needed.

    Raises SourceUnavailable or QueryFailed.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters_of(current_version(dataset)):
        if parameter.choices_sql:
            found[parameter.name] = _read_choices(dataset.source, parameter.choices_sql, settings)
        elif parameter.choices:
            found[parameter.name] = list(parameter.choices)
    return found


def prepare(
    version: DatasetVersion,
    filters: Mapping[str, Any],
    columns: list[str],
    *,
    due_at: datetime,
    timezone: str,
    settings: Settings,
) -> Reading:
    """Return all that reading a version's rows takes, so that no transaction is open while they are read."""
    url = source_url(version.dataset.source, settings)
    sqlite = url.get_backend_name() == "sqlite"
    return Reading(
        url=url,
        sql=version.sql,
        values=bindings(version, filters, due_at=due_at, timezone=timezone, sqlite=sqlite),
        columns=chosen_columns(version, columns),
    )


def source_url(source: DataSource, settings: Settings) -> URL:
    """Return the decrypted URL of a source, checked again: settings and links may have changed since."""
    try:
        text = decrypt(source.url_encrypted, settings)
    except InvalidToken:
        raise SourceUnavailable(
            f"The credentials of “{source.name}” can't be read with the present PORTAL_SECRET_KEY."
        ) from None
    organization = db.session.get_one(Organization, source.organization_id)
    return sources.checked_url(
        text,
        sources_dir=sources_folder(settings, organization),
        portal_database=settings.effective_database_url,
    )


def chosen_columns(version: DatasetVersion, keys: list[str]) -> tuple[Column, ...]:
    """Return the chosen columns in their order, or all where none were chosen."""
    if not keys:
        return version.table_columns
    by_key = {column.key: column for column in version.table_columns}
    return tuple(by_key[key] for key in keys if key in by_key)


def _read_choices(source: DataSource, sql: str, settings: Settings) -> list[tuple[str, str]]:
    with query.open_rows(
        source_url(source, settings), sql, {}, timeout=CHOICES_TIMEOUT, maximum_rows=CHOICES_LIMIT
    ) as rows:
        return [(str(row[0]), str(row[1])) for batch in rows.batches for row in batch]
