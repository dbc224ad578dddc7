"""What every exporter takes and gives. Exporters are pure: rows in, bytes out, one batch in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from portal.table import Batches, Column, ColumnType, Zone
from portal.tally import Tally


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says about itself, beside its rows.

    `generated_at` is timezone-aware. `timezone` is the IANA zone of the schedule.
    `facts` are label and value pairs for a title page or an About sheet (period, filters, owner …).
    """

    title: str
    organization: str
    generated_at: datetime
    timezone: str = "UTC"
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What came out: `rows` data rows in the file; `notes` are sentences on anything that was changed
    on the way (characters replaced, text guarded, sheets added), so that nothing is altered silently."""

    rows: int
    notes: tuple[str, ...] = ()


def zone_name(column: Column, document: Document) -> str:
    """Return the IANA name of the zone in which a column's aware datetimes are shown."""
    return "UTC" if column.zone is Zone.UTC else document.timezone


def header(column: Column, document: Document) -> str:
    """Return what stands above a column: its label, with the zone where it holds times."""
    if column.type is not ColumnType.DATETIME:
        return column.label
    return f"{column.label} ({zone_name(column, document)})"


class Exporter(Protocol):
    """One file format.

    `write` consumes `batches` once, writes to `out` from its current position and neither seeks nor
    closes it. `tally` is what reading the batches counts into; what writing changes is added, and both
    become `Written.notes`. It raises `LimitExceeded` or `RenderFailed`; whatever reading or `out` raise
    passes through.
    """

    media_type: str
    extension: str

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written: ...
