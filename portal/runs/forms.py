"""What the list of runs is asked for, as it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from werkzeug.datastructures import MultiDict

from portal.database import row_key
from portal.runs.models import UNFINISHED, RunStatus

GROUPS: Mapping[str, tuple[RunStatus, ...]] = {
    "All": (),
    "Under way": UNFINISHED,
    "Delivered": (RunStatus.SUCCESS,),
    "Partly": (RunStatus.PARTIAL,),
    "Failed": (RunStatus.FAILED,),
    "Not run": (RunStatus.SKIPPED, RunStatus.MISSED, RunStatus.CANCELLED),
}


@dataclass(frozen=True)
class RunFilter:
    """`schedule` is a public id; `before` continues after the last row of the page before."""

    statuses: tuple[RunStatus, ...] = ()
    schedule: str | None = None
    before: int | None = None

    @classmethod
    def from_query(cls, query: MultiDict[str, str]) -> Self:
        """Read an address; a status that there isn't is passed over."""
        asked = {value.upper() for value in query.getlist("status")}
        return cls(
            statuses=tuple(status for status in RunStatus if status.value in asked),
            schedule=query.get("schedule") or None,
            before=query.get("before", type=row_key),
        )

    @property
    def is_active(self) -> bool:
        return bool(self.statuses or self.schedule)

    def query(self, **changes: Any) -> dict[str, Any]:
        """Return the arguments of an address that asks the same but for the changes, from its first page."""
        asked: dict[str, Any] = {
            "status": [status.value for status in self.statuses],
            "schedule": self.schedule,
            **changes,
        }
        return {name: value for name, value in asked.items() if value}
