"""Which schedules a change of their dataset would break, told to whoever is about to save it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal.datasets.definition import Definition
from portal.datasets.filters import valid_filters
from portal.datasets.models import Dataset, DatasetVersion
from portal.datasets.ordering import sortable
from portal.datasets.service import current_version, get_version
from portal.errors import InvalidInput
from portal.extensions import db
from portal.organizations.models import User
from portal.organizations.service import require
from portal.permissions import Permission
from portal.schedules.approval import Outgoing, unapproved
from portal.schedules.models import Channel, Drift, ScheduledExport
from portal.table import Column

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
    found = ((one, _reasons(one, before, definition)) for one in schedules)
    return [Broken(one.public_id, one.name, reasons) for one, reasons in found if reasons]


def _reasons(schedule: ScheduledExport, before: DatasetVersion, definition: Definition) -> tuple[str, ...]:
    return (
        *_filters(schedule, before, definition),
        *_columns(schedule, before, definition),
        *_order(schedule, before, definition),
        *_personal(schedule, before, definition),
    )


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


def _order(schedule: ScheduledExport, before: DatasetVersion, definition: Definition) -> Iterator[str]:
    """Yield by what rows can no longer be sorted; no schedule goes on without its order."""
    old, new = (
        {column.key for column in sortable(columns)} for columns in (before.table_columns, definition.columns)
    )
    if gone := [one.column for one in schedule.sorts if one.column in old and one.column not in new]:
        yield f"Its rows are sorted by {_named(gone)}, which could not be done any more."


def _personal(schedule: ScheduledExport, before: DatasetVersion, definition: Definition) -> Iterator[str]:
    """Yield what would go outside that no admin has approved, where the dataset as it is gives no such."""
    if schedule.channel is Channel.STORAGE:
        return

    dataset = before.dataset.public_id

    def out_of(columns: Sequence[Column]) -> Outgoing | None:
        chosen = {dataset: schedule.column_choice.applied_to(columns)}
        return unapproved(schedule, chosen, schedule.recipients, schedule.organization)

    if out_of(before.table_columns) is None and (out := out_of(definition.columns)):
        yield f"{out.in_words()}: an admin must approve that."


def _named(keys: Sequence[str]) -> str:
    """Return some of many columns in words, and how many others there are."""
    others = len(keys) - MOST_NAMED
    return ", ".join(f"“{key}”" for key in keys[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")


def _keys(version: DatasetVersion) -> Sequence[str]:
    return [column.key for column in version.table_columns]
