"""A recurring export, as its manager set it up."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.datasets.columns import ColumnChoice
from portal.datasets.models import Dataset
from portal.datasets.ordering import Sort
from portal.exporters.options import Packing
from portal.organizations.models import Organization, User
from portal.reports.models import Report
from portal.schedules.rules import Rule


class ExportFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    PDF = "pdf"


class Channel(StrEnum):
    EMAIL = "email"
    STORAGE = "storage"


class Misfire(StrEnum):
    """Which of the occurrences that fell due while nothing dispatched them are run."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


class Overlap(StrEnum):
    """What happens to an occurrence that falls due while an earlier run is under way."""

    QUEUE = "queue"
    SKIP = "skip"
    ALLOW = "allow"


class Empty(StrEnum):
    """What happens to a run whose query gives no rows."""

    SEND = "send"
    SKIP = "skip"
    TELL = "tell"


class Unchanged(StrEnum):
    """What happens to a run whose rows are those that were delivered last."""

    SEND = "send"
    SKIP = "skip"


class Drift(StrEnum):
    """What happens to a run whose query gives other columns than when its schedule was saved."""

    STOP = "stop"
    GO_ON = "go on"


class ScheduleState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


class ScheduledExport(Identified, Base):
    """Exports a dataset or a report. `filters` holds what was chosen for its parameters
    (`datasets.parameters`), of a report its `period`; `columns`, `column_groups`, `excluded_tags` and
    `column_labels` are a `datasets.columns.ColumnChoice`, `sort` holds `datasets.ordering.Sort`s, and
    `row_limit` says how many of the rows count; `rule` is a `rules.Rule`. `next_run_at` is null unless
    active, and once the rule's last occurrence has passed. `start_window` is in minutes: what did not start
    so soon is MISSED.

    `revision` counts how often it was saved. Saving accepts the columns of the dataset's version of then
    (`accepted_version_id`); `shape` is what the first good run since then found (`datasets.shape.Shape`).

    `approval` is an `approval.Approval`; `waits_for_approval` says that it is paused for want of one.
    """

    __tablename__ = "scheduled_exports"
    __table_args__ = (
        Index("ix_scheduled_exports_organization_id_active", "organization_id", "active"),
        Index("ix_scheduled_exports_next_run_at", "next_run_at"),
        CheckConstraint("next_run_at IS NULL OR (active AND deleted_at IS NULL)", name="due_when_active"),
        CheckConstraint("(channel = 'email') = (location IS NULL)", name="location_only_for_storage"),
        CheckConstraint("start_window IS NULL OR start_window > 0", name="start_window_positive"),
        CheckConstraint("row_limit > 0", name="row_limit_positive"),
        CheckConstraint("(dataset_id IS NULL) <> (report_id IS NULL)", name="one_subject"),
    )

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id"))
    report_id: Mapped[int | None] = mapped_column(ForeignKey("reports.id"))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    format: Mapped[ExportFormat] = mapped_column(text_enum(ExportFormat))
    packing: Mapped[Packing] = mapped_column(
        text_enum(Packing), default=Packing.NONE, server_default=Packing.NONE.value
    )
    filters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    columns: Mapped[list[str]] = mapped_column(JSON, default=list)
    column_groups: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    excluded_tags: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    column_labels: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    sort: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    row_limit: Mapped[int | None]
    rule: Mapped[dict[str, Any]] = mapped_column(JSON)
    timezone: Mapped[str] = mapped_column(String(64))
    channel: Mapped[Channel] = mapped_column(text_enum(Channel))
    recipients: Mapped[list[str]] = mapped_column(JSON, default=list)
    location: Mapped[str | None] = mapped_column(String(300))
    misfire: Mapped[Misfire] = mapped_column(
        text_enum(Misfire), default=Misfire.LATEST, server_default=Misfire.LATEST.value
    )
    overlap: Mapped[Overlap] = mapped_column(
        text_enum(Overlap), default=Overlap.QUEUE, server_default=Overlap.QUEUE.value
    )
    start_window: Mapped[int | None]
    empty: Mapped[Empty] = mapped_column(
        text_enum(Empty), default=Empty.SEND, server_default=Empty.SEND.value
    )
    unchanged: Mapped[Unchanged] = mapped_column(
        text_enum(Unchanged), default=Unchanged.SEND, server_default=Unchanged.SEND.value
    )
    drift: Mapped[Drift] = mapped_column(
        text_enum(Drift), default=Drift.STOP, server_default=Drift.STOP.value
    )

    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    accepted_version_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_versions.id"))
    # a wide one is large, and whoever dispatches 500 schedules at once needs none of them
    shape: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)

    approval: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    waits_for_approval: Mapped[bool] = mapped_column(default=False, server_default=false())
    active: Mapped[bool] = mapped_column(default=True)
    paused_reason: Mapped[str | None] = mapped_column(String(300))
    next_run_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_run_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_status: Mapped[str | None] = mapped_column(String(24))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    organization: Mapped[Organization] = relationship()
    owner: Mapped[User] = relationship()
    dataset: Mapped[Dataset | None] = relationship()
    report: Mapped[Report | None] = relationship()

    @property
    def subject(self) -> Dataset | Report:
        """What is exported."""
        found = self.dataset or self.report
        assert found is not None  # noqa: S101 - the database holds to it: one_subject
        return found

    @property
    def recurrence(self) -> Rule:
        return Rule.from_dict(self.rule)

    @property
    def column_choice(self) -> ColumnChoice:
        return ColumnChoice(
            keys=tuple(self.columns),
            groups=tuple(self.column_groups or ()),
            without=tuple(self.excluded_tags or ()),
            labels=self.column_labels or {},
        )

    @property
    def sorts(self) -> tuple[Sort, ...]:
        return tuple(Sort.from_dict(one) for one in self.sort or ())

    @property
    def state(self) -> ScheduleState:
        if not self.active:
            return ScheduleState.PAUSED
        return ScheduleState.ACTIVE if self.next_run_at else ScheduleState.FINISHED
