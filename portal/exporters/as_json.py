"""JSON and NDJSON in which every digit survives the reader."""

from collections.abc import Sequence
from typing import BinaryIO

from portal.exporters.base import Document, Written
from portal.exporters.json_rows import JsonRows
from portal.table import Batches, Column
from portal.tally import Tally


class _JsonExporter:
    """Rows as objects keyed by `Column.key`, in column order, each on a line of its own.

    Decimals are strings of all their digits (`"1234.50"`), because readers turn JSON numbers into doubles;
    so are integers beyond ±(2^53 - 1). Aware datetimes are UTC with `Z`, dates and naive datetimes (counted)
    plain ISO 8601, bytes base64, NULL, NaN and infinities null (the latter counted). Text in a column of type
    json that holds valid JSON is embedded as JSON.
    """

    # What stands before the first row, between two rows, and behind the last one.
    _start: bytes
    _between: bytes
    _end: bytes
    _end_without_rows: bytes

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,  # noqa: ARG002 - the contract has it; JSON needs neither title nor zone
        tally: Tally | None = None,
    ) -> Written:
        """Write all rows; see `Exporter`. Raises RenderFailed when two columns share a key."""
        tally = tally or Tally()
        encoder = JsonRows(columns, tally)
        rows = 0
        for batch in batches:
            if batch:
                out.write(self._between if rows else self._start)
                out.write(encoder.encode(batch, self._between))
                rows += len(batch)
        out.write(self._end if rows else self._end_without_rows)
        return Written(rows, tally.notes())


class JsonExporter(_JsonExporter):
    """One array of them."""

    media_type = "application/json"
    extension = "json"
    _start, _between, _end, _end_without_rows = b"[\n", b",\n", b"\n]\n", b"[\n]\n"


class NdjsonExporter(_JsonExporter):
    """One object a line, nothing around them (newline-delimited JSON)."""

    media_type = "application/x-ndjson"
    extension = "ndjson"
    _start, _between, _end, _end_without_rows = b"", b"\n", b"\n", b""
