"""The datasets of an organization, defined over its sources, and their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.database import Base, Identified, UTCDateTime, text_enum
from portal.datasets.export_type import ExportType
from portal.sources.models import DataSource
from portal.table import Column


class Dataset(Identified, Base):
    """A query with a name. What it says is in its versions; the newest one counts for new runs."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    source_id: Mapped[int] = mapped_column(ForeignKey("data_sources.id"))
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    export_type: Mapped[ExportType] = mapped_column(text_enum(ExportType))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    source: Mapped[DataSource] = relationship()
    versions: Mapped[list["DatasetVersion"]] = relationship(
        back_populates="dataset", order_by="DatasetVersion.number"
    )


class DatasetVersion(Base):
    """What a dataset said at one time. Never changed: a run names the version it used.

    `created_by` is who saved it, by e-mail address; none for those of the system and of earlier releases.
    `source` is what it reads, none where its dataset was never over another one. `row_limit` and
    `query_timeout`, in seconds, count where they are smaller than the portal's own.
    `built_in` is what its query was made from (`compliance.choice.BuiltIn`); none where somebody wrote it.
    """

    __tablename__ = "dataset_versions"
    __table_args__ = (
        UniqueConstraint("dataset_id", "number"),
        CheckConstraint("row_limit > 0", name="row_limit_positive"),
        CheckConstraint("query_timeout > 0", name="query_timeout_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int]
    source_id: Mapped[int | None] = mapped_column(ForeignKey("data_sources.id"))
    sql: Mapped[str] = mapped_column(Text)
    parameters: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    key_columns: Mapped[list[str]] = mapped_column(JSON)
    csv_options: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    row_limit: Mapped[int | None]
    query_timeout: Mapped[int | None]
    built_in: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str | None] = mapped_column(String(320))

    dataset: Mapped[Dataset] = relationship(back_populates="versions")
    source: Mapped[DataSource | None] = relationship()

    @property
    def read_source(self) -> DataSource:
        return self.source or self.dataset.source

    @property
    def table_columns(self) -> tuple[Column, ...]:
        return tuple(Column.from_dict(column) for column in self.columns)
