"""Datasets of an organization: finding them, checking what was chosen, reading their rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from portal.audit import service as audit
from portal.config import Settings
from portal.datasets.choices import read_choices
from portal.datasets.columns import ColumnChoice
from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.export_type import ExportType
from portal.datasets.filters import bindings, parameters_of, valid_filters
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.ordering import Sort, ordered_sql, sortable
from portal.datasets.parameters import Parameter
from portal.datasets.sql_text import parameters_in
from portal.errors import InvalidInput, NotFound, SchemaChanged
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.sources import service as source_service
from portal.sources.connection import Source
from portal.sources.models import DataSource
from portal.table import Column


@dataclass(frozen=True)
class Reading:
    """A query ready to run: see `query.open_rows`. The limits are the dataset's own, None for none.

    Of `first_rows`, the schedule's own number, it gives one more where there are more: somebody says so then.
    """

    source: Source
    sql: str
    values: dict[str, Any]
    columns: tuple[Column, ...]
    row_limit: int | None = None
    query_timeout: int | None = None
    first_rows: int | None = None


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
    built_in: BuiltIn | None = None,
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
            source_id=source.id,
            sql=sql,
            parameters=[parameter.to_dict() for parameter in parameters],
            columns=[column.to_dict() for column in columns],
            key_columns=list(key_columns),
            built_in=built_in.to_dict() if built_in else None,
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
        source_id=old.source_id,
        sql=old.sql,
        parameters=old.parameters,
        columns=old.columns,
        key_columns=old.key_columns,
        csv_options=options.to_dict(),
        row_limit=old.row_limit,
        query_timeout=old.query_timeout,
        built_in=old.built_in,
        created_at=now,
        created_by=None if actor == "system" else actor,
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


def datasets_over(sources: Sequence[DataSource]) -> dict[int, list[Dataset]]:
    """Return the datasets in use that read each source, by name."""
    found: dict[int, list[Dataset]] = {source.id: [] for source in sources}
    rows = db.session.scalars(
        select(Dataset)
        .where(Dataset.source_id.in_(found), Dataset.archived_at.is_(None))
        .order_by(Dataset.name)
    )
    for dataset in rows:
        found[dataset.source_id].append(dataset)
    return found


def find_dataset(actor: User, public_id: str) -> Dataset | None:
    """Return one dataset in use of the actor's organization, if there is such."""
    return db.session.scalars(
        select(Dataset).where(
            Dataset.public_id == public_id,
            Dataset.organization_id == actor.organization_id,
            Dataset.archived_at.is_(None),
        )
    ).first()


def get_dataset(actor: User, public_id: str) -> Dataset:
    """Return one dataset that somebody chose. Raises InvalidInput on field `dataset` if there is none."""
    found = find_dataset(actor, public_id)
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


def current_versions(datasets: Collection[Dataset]) -> dict[int, DatasetVersion]:
    """Return the newest version of each dataset, by the dataset's id."""
    ids = newest_versions([dataset.id for dataset in datasets]).values()
    found = db.session.scalars(select(DatasetVersion).where(DatasetVersion.id.in_(ids)))
    return {version.dataset_id: version for version in found}


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
    return choices_of(parameters_of(current_version(dataset)), dataset.source, settings)


def choices_of(
    parameters: Iterable[Parameter], source: DataSource, settings: Settings
) -> dict[str, list[tuple[str, str]]]:
    """Return the same for parameters that are no dataset's yet."""
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        if parameter.choices_sql:
            opened = source_service.opened(source, settings)
            found[parameter.name] = read_choices(opened, parameter.choices_sql)
        elif parameter.choices:
            found[parameter.name] = list(parameter.choices)
    return found


def prepare(
    version: DatasetVersion,
    filters: Mapping[str, Any],
    choice: ColumnChoice,
    *,
    sort: Sequence[Sort] = (),
    row_limit: int | None = None,
    due_at: datetime,
    timezone: str,
    settings: Settings,
    since: datetime | None = None,
) -> Reading:
    """Return all that reading a version's rows takes, so that no transaction is open while they are read.

    `since` is that of `periods.resolve`. Raises SchemaChanged where no column is left to export, or one is
    gone by which rows are sorted.
    """
    columns = chosen_columns(version, choice)
    if not columns:
        raise SchemaChanged("No column that the schedule exports is left in the dataset.")
    source = source_service.opened(version.read_source, settings)
    organization = db.session.get_one(Organization, version.dataset.organization_id)
    values = values_of(
        version.sql,
        parameters_of(version),
        valid_filters(version, filters),
        organization=organization,
        due_at=due_at,
        timezone=timezone,
        backend=source.backend,
        since=since,
    )
    return Reading(
        source=source,
        sql=_ordered(version, sort, row_limit, source.backend) if sort else version.sql,
        values=values,
        columns=columns,
        first_rows=row_limit if sort else None,
        row_limit=version.row_limit,
        query_timeout=version.query_timeout,
    )


def chosen_columns(version: DatasetVersion, choice: ColumnChoice) -> tuple[Column, ...]:
    """Return the chosen columns in their order, each under its own header."""
    return choice.applied_to(version.table_columns)


def _ordered(version: DatasetVersion, sort: Sequence[Sort], row_limit: int | None, backend: str) -> str:
    known = {column.key for column in sortable(version.table_columns)}
    for one in sort:
        if one.column not in known:
            raise SchemaChanged(
                f"The rows are sorted by “{one.column}”, which the dataset has no more. Choose another column"
                " in the schedule."
            )
    return ordered_sql(
        version.sql,
        sort,
        then=[key for key in version.key_columns if key in known],
        limit=None if row_limit is None else row_limit + 1,
        backend=backend,
    )


def values_of(
    sql: str,
    parameters: Iterable[Parameter],
    filters: Mapping[str, Any],
    *,
    organization: Organization,
    due_at: datetime,
    timezone: str,
    backend: str,
    since: datetime | None = None,
) -> dict[str, Any]:
    """Return the values of those parameters that a query names; see `filters.bindings`."""
    values = bindings(
        parameters, filters, due_at=due_at, timezone=timezone, sqlite=backend == "sqlite", since=since
    )
    values["organization_id"] = organization.public_id
    return {name: values[name] for name in parameters_in(sql, backend) if name in values}
