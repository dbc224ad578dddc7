"""Whether a run's query still gives the columns that its schedule was saved with.

Names are compared with those of the dataset's version when the schedule was last saved, kinds of values with
those that the first good run since then found. Saving a schedule again accepts what there is, also for runs
made before: so they are read from the schedule as it stands, not from the run's snapshot.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import update

from portal.datasets.columns import ColumnChoice
from portal.datasets.models import DatasetVersion
from portal.datasets.service import get_version
from portal.datasets.shape import Difference, Shape, compare
from portal.errors import SchemaChanged
from portal.extensions import db
from portal.runs.models import ScheduledExportRun
from portal.schedules.models import Drift, ScheduledExport

CHANGED = "The columns are not what they were when the schedule was saved"


@dataclass(frozen=True)
class Gate:
    """What the columns of a run's query are compared with.

    `accepted` are the columns that were saved, `exported` those of them that go into the file, `declared`
    those of the dataset's version that is read; `first` is what the first good run found, if there was one.
    A new column counts only where `every` column is exported: whoever named columns does not get it, and
    whoever named its group asked for it. What is `left_out` for its marks is neither new nor missed.
    """

    accepted: frozenset[str]
    exported: tuple[str, ...]
    declared: frozenset[str]
    first: Shape | None
    every: bool
    stops: bool
    left_out: frozenset[str] = frozenset()

    def look_at(self, names: Sequence[str]) -> None:
        """Raise SchemaChanged where a column that is exported is gone, and the schedule stops at that."""
        difference = self._difference(Shape.named(names))
        if difference.missing:
            self._stop(difference)

    def look_into(self, shape: Shape) -> Difference:
        """Return what is different. Raises SchemaChanged where anything is and the schedule stops at that."""
        difference = self._difference(shape)
        if difference:
            self._stop(difference)
        return difference

    def _stop(self, difference: Difference) -> None:
        if self.stops:
            raise SchemaChanged(
                f"{CHANGED}: {difference.in_words()}. Save it again to accept that, then retry the run."
            )

    def _difference(self, found: Shape) -> Difference:
        known = self.first.columns if self.first else {}
        before = Shape({name: known.get(name, frozenset()) for name in self.exported})
        now = {
            name: families
            for name, families in found.columns.items()
            if (name in self.declared if name in self.exported else self._is_new(name))
        }
        return compare(before, Shape(now))

    def _is_new(self, name: str) -> bool:
        """Say of a column that was not exported so far whether it came since.

        One that the dataset leaves out may have been there all along, unless a first run has looked.
        """
        if not self.every or name in self.accepted or name in self.left_out:
            return False
        return name in self.declared or (self.first is not None and name not in self.first.columns)


def gate_of(run: ScheduledExportRun, version: DatasetVersion) -> Gate | None:
    """Return what to compare a run's columns with, None where nothing was saved. Within a transaction."""
    schedule = run.schedule
    if schedule is None or schedule.accepted_version_id is None:
        return None
    accepted = get_version(schedule.accepted_version_id).table_columns
    choice = ColumnChoice.of(run.snapshot)
    left_out = {column.key for column in version.table_columns if choice.leaves_out(column)}
    exported = dict.fromkeys((*choice.keys, *(column.key for column in choice.applied_to(accepted))))
    return Gate(
        accepted=frozenset(column.key for column in accepted),
        exported=tuple(key for key in exported if key not in left_out),
        declared=frozenset(column.key for column in version.table_columns),
        first=Shape.from_dict(schedule.shape) if schedule.shape is not None else None,
        every=choice.takes_all,
        left_out=frozenset(left_out),
        # a snapshot of an earlier release names no policy; its schedule has the default since
        stops=run.snapshot.get("drift", Drift.STOP) == Drift.STOP,
    )


def keep_shape(run: ScheduledExportRun) -> None:
    """Let later runs be compared with this good one, where it is the first since its schedule was saved."""
    if run.shape is None:
        return
    db.session.execute(
        update(ScheduledExport)
        .where(
            ScheduledExport.id == run.schedule_id,
            ScheduledExport.revision == run.snapshot.get("revision"),
            ScheduledExport.shape.is_(None),
        )
        .values(shape=run.shape)
    )
