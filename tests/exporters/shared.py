"""What the exporter tests share: a document, sinks that neither seek nor tell, batches."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from portal.exporters.base import Document, Exporter, Written
from portal.table import Batch, Column

DOCUMENT = Document(
    title="Open cases",
    organization="Acme Co.",
    generated_at=datetime(2025, 3, 9, 7, 30, tzinfo=UTC),
    timezone="Europe/Berlin",
    facts=(("Period", "February 2025"), ("Owner", "Łukasz Kowalski")),
)


class Pipe(io.RawIOBase):
    """A sink like a socket: it takes bytes and nothing else."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


class Nowhere(Pipe):
    """A sink that only counts, so that a test of memory measures the exporter alone."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def write(self, data: Any) -> int:
        self.size += len(data)
        return len(data)


def batches(rows: Iterable[Sequence[Any]], size: int = 3) -> Iterator[Batch]:
    """Deal `rows` in batches, as a database read does."""
    batch: list[Sequence[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def export(
    exporter: Exporter,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    document: Document = DOCUMENT,
) -> tuple[bytes, Written]:
    """Return the file and what the exporter says of it."""
    sink = Pipe()
    written = exporter.write(batches(rows), columns, cast(BinaryIO, sink), document)
    return bytes(sink.written), written
