"""What every exporter takes and gives. Exporters are pure: rows in, bytes out, one batch in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from portal.table import Batches, Column


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says about itself, beside its rows.

    `generated_at` is timezone-aware. `timezone` is the IANA zone in which aware datetimes are shown.
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


class Exporter(Protocol):
    """One file format.

    `write` consumes `batches` once, writes to `out` from its current position and neither seeks nor
    closes it. It raises `LimitExceeded` or `RenderFailed`; whatever reading or `out` raise passes through.
    """

    media_type: str
    extension: str

    def write(
        self, batches: Batches, columns: Sequence[Column], out: BinaryIO, document: Document
    ) -> Written: ...
