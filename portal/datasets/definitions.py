"""Datasets as an admin defines them: checked, saved as versions that are never changed, put away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal.audit import service as audit
from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.definition import Definition
from portal.datasets.filters import BUILT_IN, bound_names, parameters_of
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.service import current_version, find_dataset
from portal.datasets.sql_text import parameters_in
from portal.errors import InvalidInput, NotFound
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.organizations.models import Organization, User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.sources.models import DataSource
from portal.table import Column

LONGEST_SQL = 50_000


def get_dataset(actor: User, public_id: str) -> Dataset:
    """Return one dataset in use of the actor's organization, with its versions. Raises NotFound."""
    require(actor, Permission.VIEW_DATASETS)
    found = find_dataset(actor, public_id)
    if found is None:
        raise NotFound("There is no such dataset.")
    return found


def definition_of(dataset: Dataset) -> Definition:
    """Return what a dataset says now."""
    version = current_version(dataset)
    return Definition(
        name=dataset.name,
        description=dataset.description,
        sql=version.sql,
        parameters=parameters_of(version),
        columns=version.table_columns,
        key_columns=tuple(version.key_columns),
        csv=CsvOptions.from_dict(version.csv_options or {}),
        row_limit=version.row_limit,
        query_timeout=version.query_timeout,
        built_in=BuiltIn.from_dict(version.built_in) if version.built_in else None,
    )


def still_built_in(edited: Definition, saved: Definition) -> Definition:
    """Return what was edited, built in as what was saved unless its query is another one now."""
    return replace(edited, built_in=saved.built_in if edited.sql == saved.sql else None)


def check_query(definition: Definition, backend: str) -> None:
    """Raise InvalidInput on field `sql` or `parameters` for what can't be run, whatever the database says."""
    if not definition.sql.strip():
        raise InvalidInput("Write a query.", "sql")
    if len(definition.sql) > LONGEST_SQL:
        raise InvalidInput(f"A query has at most {LONGEST_SQL:,} characters.", "sql")
    names = [parameter.name for parameter in definition.parameters]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"Two parameters are called “{name}”.", "parameters")
        if name in BUILT_IN:
            raise InvalidInput(f"“{name}” is there without being defined.", "parameters")
    known = BUILT_IN | set(bound_names(definition.parameters))
    for name in parameters_in(definition.sql, backend):
        if name not in known:
            raise InvalidInput(f"The query names :{name}, which is no parameter of this dataset.", "sql")


def check_limits(definition: Definition, longest: float) -> None:
    """Raise InvalidInput on the limit that is none; a query may take `longest` seconds at most."""
    if definition.row_limit is not None and definition.row_limit < 1:
        raise InvalidInput("A limit is one row at least, or leave it empty.", "row_limit")
    if definition.query_timeout is not None and not 1 <= definition.query_timeout <= longest:
        raise InvalidInput(
            f"The portal gives a query 1 to {longest:g} seconds; leave it empty for all of them.",
            "query_timeout",
        )


def create(
    actor: User, source: DataSource, definition: Definition, *, now: datetime, ip: str | None = None
) -> Dataset:
    """Add a dataset over a source. Raises InvalidInput on the field in question."""
    checked = _checked(actor, definition, source.kind)
    dataset = Dataset(
        organization_id=source.organization_id,
        source_id=source.id,
        name=checked.name,
        description=checked.description,
        export_type=checked.export_type,
        created_at=now,
    )
    dataset.versions.append(_version(checked, 1, source, actor, now))
    db.session.add(dataset)
    db.session.flush()
    _record(dataset, "dataset.create", actor, now, ip, after=_described(checked, 1, source))
    return dataset


def change(
    actor: User,
    dataset: Dataset,
    definition: Definition,
    *,
    source: DataSource | None = None,
    begun_with: str,
    now: datetime,
    ip: str | None = None,
) -> DatasetVersion | None:
    """Save what a dataset says from now on as a new version, which new runs use; None if nothing changed.

    `source` is another one of the organization to read from now on. `begun_with` is the number of the version
    that was edited. Raises InvalidInput, on the field in question, also where somebody else has saved another
    one since.
    """
    was = dataset.source
    source = was if source is None else source
    if source.organization_id != dataset.organization_id:
        raise InvalidInput("Choose a data source.", "source")
    checked = _checked(actor, definition, source.kind, besides=dataset)
    before, old = definition_of(dataset), current_version(dataset)
    refuse_stale(begun_with, old.number, old.created_by)
    if checked == before and source is was:
        return None
    dataset.name, dataset.description, dataset.source = checked.name, checked.description, source
    version = old
    if source is not was or replace(checked, name=before.name, description=before.description) != before:
        version = _version(checked, old.number + 1, source, actor, now)
        dataset.versions.append(version)
    db.session.flush()
    described = _described(before, old.number, was), _described(checked, version.number, source)
    _record(dataset, "dataset.change", actor, now, ip, before=described[0], after=described[1])
    return version


def refuse_stale(begun_with: str, newest: int, author: str | None) -> None:
    """Raise InvalidInput where the version that was edited is not the newest one any more."""
    if begun_with != str(newest):
        raise InvalidInput(
            f"{author or 'Somebody'} has saved version {newest} while you edited: open it anew, lest you undo"
            " what it changed."
        )


def archive(actor: User, dataset: Dataset, *, now: datetime, ip: str | None = None) -> None:
    """Put a dataset away: no new schedule can choose it. Its runs and versions stay."""
    require(actor, Permission.MANAGE_DATASETS)
    dataset.archived_at = now
    db.session.flush()
    _record(dataset, "dataset.archive", actor, now, ip, before={"name": dataset.name})


def _checked(actor: User, definition: Definition, backend: str, besides: Dataset | None = None) -> Definition:
    require(actor, Permission.MANAGE_DATASETS)
    # One save at a time in an organization: the next one sees this one's name and version.
    db.session.execute(
        select(Organization.id).where(Organization.id == actor.organization_id).with_for_update()
    )
    name = _free_name(actor.organization_id, definition.name, besides)
    if len(definition.description) > 1000:
        raise InvalidInput("A description has at most 1,000 characters.", "description")
    check_query(definition, backend)
    _check_columns(definition)
    return replace(definition, name=name, description=definition.description.strip())


def _check_columns(definition: Definition) -> None:
    if not definition.columns:
        raise InvalidInput("The query gives no column.", "sql")
    keys = [column.key for column in definition.columns]
    for column in definition.columns:
        if keys.count(column.key) > 1:
            raise InvalidInput(f"Two columns are called “{column.key}”: give one another name by AS.", "sql")
        if not column.label.strip():
            raise InvalidInput(f"The column “{column.key}” needs a header.", "columns")
    if strangers := set(definition.key_columns) - set(keys):
        raise InvalidInput(f"The query has no column “{min(strangers)}” that could be a key.", "columns")


def _free_name(organization_id: int, name: str, besides: Dataset | None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise InvalidInput("A dataset needs a name of at most 120 characters.", "name")
    taken = select(Dataset.id).where(Dataset.organization_id == organization_id, Dataset.name == name)
    if besides is not None:
        taken = taken.where(Dataset.id != besides.id)
    if db.session.scalar(taken) is not None:
        raise InvalidInput(f"There is, or was, a dataset “{name}”.", "name")
    return name


def _version(
    definition: Definition, number: int, source: DataSource, actor: User, now: datetime
) -> DatasetVersion:
    return DatasetVersion(
        number=number,
        source_id=source.id,
        sql=definition.sql,
        parameters=[parameter.to_dict() for parameter in definition.parameters],
        columns=[column.to_dict() for column in definition.columns],
        key_columns=list(definition.key_columns),
        csv_options=definition.csv.to_dict(),
        row_limit=definition.row_limit,
        query_timeout=definition.query_timeout,
        built_in=definition.built_in.to_dict() if definition.built_in else None,
        created_at=now,
        created_by=actor.email,
    )


def _described(definition: Definition, number: int, source: DataSource) -> dict[str, Any]:
    return {
        "version": number,
        "name": definition.name,
        "description": definition.description,
        "source": source.name,
        "sql": definition.sql,
        "parameters": [parameter.to_dict() for parameter in definition.parameters],
        "columns": [column.to_dict() for column in definition.columns],
        "key_columns": list(definition.key_columns),
        "csv_options": definition.csv.to_dict(),
        "row_limit": definition.row_limit,
        "query_timeout": definition.query_timeout,
        **({"built_in": definition.built_in.to_dict()} if definition.built_in else {}),
    }


def _record(
    dataset: Dataset,
    action: str,
    actor: User,
    now: datetime,
    ip: str | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        dataset.organization_id,
        actor=actor.email,
        action=action,
        target=f"dataset:{dataset.public_id}",
        now=now,
        before=before,
        after=after,
        ip=ip,
    )


def merged(found: Sequence[Column], known: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns that a query gives, in its order, each as it is known already, if it is."""
    by_key = {column.key: column for column in known}
    return tuple(by_key.get(column.key) or replace(column, label=_header(column.key)) for column in found)


def _header(key: str) -> str:
    """Return a first header for a column: `opened_at` → `Opened at`."""
    words = " ".join(key.replace("_", " ").split())
    return (words[:1].upper() + words[1:])[:120] if words else key[:120]
