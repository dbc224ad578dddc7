"""All that a run needs beside its rows, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.datasets.columns import ColumnChoice
from portal.datasets.ordering import Sort, sorts_of
from portal.exporters.base import Document, Exporter
from portal.runs.chosen import ChosenFilter
from portal.runs.leases import Claim
from portal.runs.models import Trigger
from portal.runs.snapshot import is_report
from portal.schedules.models import Channel, Empty, Unchanged


@dataclass(frozen=True)
class Plan:
    """How to write a run's rows, for whom, and what to do where they are not worth a file."""

    claim: Claim
    organization_id: int
    due_at: datetime
    trigger: Trigger
    snapshot: dict[str, Any]
    filters: tuple[ChosenFilter, ...]
    document: Document
    exporter: Exporter
    filename: str

    @property
    def is_report(self) -> bool:
        """Whether a report is delivered, and not the rows of a dataset."""
        return is_report(self.snapshot)

    @property
    def channel(self) -> Channel:
        return Channel(self.snapshot["channel"])

    @property
    def targets(self) -> tuple[str, ...]:
        return targets_of(self.snapshot)

    @property
    def columns(self) -> ColumnChoice:
        return ColumnChoice.of(self.snapshot)

    # A snapshot of an earlier release names none of these: what it did then is the default now.

    @property
    def sort(self) -> tuple[Sort, ...]:
        return sorts_of(self.snapshot)

    @property
    def row_limit(self) -> int | None:
        limit: int | None = self.snapshot.get("row_limit")
        return limit

    @property
    def empty(self) -> Empty:
        return Empty(self.snapshot.get("empty", Empty.SEND))

    @property
    def unchanged(self) -> Unchanged:
        return Unchanged(self.snapshot.get("unchanged", Unchanged.SEND))


def targets_of(snapshot: dict[str, Any]) -> tuple[str, ...]:
    """Return who, or which folder, a run delivers to."""
    if snapshot["channel"] == Channel.EMAIL:
        return tuple(snapshot["recipients"])
    return (snapshot["location"],)
