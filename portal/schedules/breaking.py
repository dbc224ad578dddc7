"""Which schedules a change of their dataset would break, told to whoever is about to save it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal.datasets.definition import Definition
from portal.datasets.filters import valid_filters
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.service import current_version, get_version
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.schedules.models import Drift, ScheduledExport

MOST_NAMED = 5
"""How many columns are named of those that differ."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A schedule whose next run would fail, and why, in sentences."""

    public_id: str
    name: str
    reasons: tuple[str, ...]


def broken_by(actor: User, dataset: Dataset, definition: Definition) -> list[Broken]:
    """Return the schedules that export a dataset and could not go on once it says something else.

    Those that can't go on as it is are left out: saving does not break them.
    """
    require(actor, Permission.MANAGE_DATASETS)
    before = current_version(dataset)
    schedules = db.session.scalars(
        select(ScheduledExport)
        .where(ScheduledExport.dataset_id == dataset.id, ScheduledExport.deleted_at.is_(None))
        .order_by(ScheduledExport.name)
    )
    found = (
        (one, (*_filters(one, before, definition), *_columns(one, before, definition))) for one in schedules
    )
    return [Broken(one.public_id, one.name, reasons) for one, reasons in found if reasons]


def _filters(schedule: ScheduledExport, before: DatasetVersion, definition: Definition) -> Iterator[str]:
    after = DatasetVersion(parameters=[parameter.to_dict() for parameter in definition.parameters])
    if _objection(schedule, before) is None and (objection := _objection(schedule, after)):
        yield objection


def _objection(schedule: ScheduledExport, version: DatasetVersion) -> str | None:
    try:
        valid_filters(version, schedule.filters)
    except InvalidInput as error:
        return str(error)
    return None


def _columns(schedule: ScheduledExport, before: DatasetVersion, definition: Definition) -> Iterator[str]:
    """Yield why a schedule that stops at other columns (`runs.drift`) would do so."""
    if schedule.drift is not Drift.STOP or schedule.accepted_version_id is None:
        return
    choice, version = schedule.column_choice, get_version(schedule.accepted_version_id)
    accepted, old, new = _keys(version), _keys(before), [column.key for column in definition.columns]
    exported = [column.key for column in choice.applied_to(version.table_columns)]
    if gone := [key for key in exported if key in old and key not in new]:
        yield f"It exports {_named(gone)}, which would be gone."
    coming = [column.key for column in definition.columns if not choice.leaves_out(column)]
    more = [key for key in coming if key not in old and key not in accepted]
    if more and choice.takes_all:
        yield f"It exports all columns, and {_named(more)} would be new."


def _named(keys: Sequence[str]) -> str:
    """Return some of many columns in words, and how many others there are."""
    others = len(keys) - MOST_NAMED
    return ", ".join(f"“{key}”" for key in keys[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")


def _keys(version: DatasetVersion) -> Sequence[str]:
    return [column.key for column in version.table_columns]
