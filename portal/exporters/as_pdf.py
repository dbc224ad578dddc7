"""PDF: rows become text here, pages in a child process that can be killed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zoneinfo import ZoneInfo

import orjson

from portal.errors import LimitExceeded
from portal.exporters.base import Document, Written
from portal.exporters.pdf_job import PdfColumn, PdfEnd, PdfJob
from portal.exporters.pdf_process import PdfProcess
from portal.exporters.pdf_text import Totals, shown_texts
from portal.exporters.tally import REPLACED, Tally
from portal.exporters.text import SURROGATES
from portal.table import NUMERIC_TYPES, Batch, Batches, Column, ColumnType

_WRAPPED = frozenset({ColumnType.TEXT, ColumnType.JSON})


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """What one PDF may cost. `memory_bytes` is address space, `wall_seconds` includes reading the rows."""

    rows: int = 20_000
    memory_bytes: int = 2**30
    cpu_seconds: int = 300
    wall_seconds: float = 600


class PdfExporter:
    """Landscape pages: a title block with the document's facts, one table, totals, "Page x of y".

    The page is A4 if the columns are legible on it, else A3, A2 …, which is noted. All text of cells is
    text, nothing in it is markup. Decimals show at least the digits they have; times are in the document's
    zone. Characters that no font has appear as `[U+1F642]`, counted.
    """

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, limits: PdfLimits | None = None) -> None:
        self._limits = limits or PdfLimits()

    def write(
        self, batches: Batches, columns: Sequence[Column], out: BinaryIO, document: Document
    ) -> Written:
        """Write the PDF; see `Exporter`. Raises LimitExceeded as soon as a limit is passed."""
        rows = 0
        tally = Tally()
        totals = Totals(columns)
        lines = _RowLines(columns, ZoneInfo(document.timezone), tally)
        job = self._job(columns, document, totals.columns, tally)
        with PdfProcess(job, self._limits.wall_seconds) as child:
            child.send(job.to_line())
            for batch in batches:
                rows += len(batch)
                if rows > self._limits.rows:
                    raise LimitExceeded(f"More rows than a PDF may have ({self._limits.rows:,}).")
                child.send(lines.encode(batch))
                for row in batch:
                    totals.add(row)
            child.send(PdfEnd(totals.texts()).to_line())
            notes = child.finish(out)
        return Written(rows, (*notes, *tally.notes()))

    def _job(
        self, columns: Sequence[Column], document: Document, summed: frozenset[int], tally: Tally
    ) -> PdfJob:
        local = document.generated_at.astimezone(ZoneInfo(document.timezone))
        facts = [*document.facts, ("Generated", f"{local:%Y-%m-%d %H:%M} ({document.timezone})")]
        return PdfJob(
            title=_encodable(document.title, tally),
            organization=_encodable(document.organization, tally),
            facts=[(_encodable(label, tally), _encodable(value, tally)) for label, value in facts],
            columns=[
                PdfColumn(
                    label=_encodable(column.label, tally),
                    numeric=column.type in NUMERIC_TYPES,
                    wraps=column.type in _WRAPPED,
                    summed=i in summed,
                )
                for i, column in enumerate(columns)
            ],
            memory_bytes=self._limits.memory_bytes,
            cpu_seconds=self._limits.cpu_seconds,
        )


class _RowLines:
    """Turns batches into the lines the child reads."""

    def __init__(self, columns: Sequence[Column], zone: ZoneInfo, tally: Tally) -> None:
        self._texts = [shown_texts(column, zone) for column in columns]
        self._tally = tally

    def encode(self, batch: Batch) -> bytes:
        """Return one JSON array of text a row, a line each."""
        return b"".join(
            [
                self._line([texts[type(v)](v) for texts, v in zip(self._texts, row, strict=True)])
                for row in batch
            ]
        )

    def _line(self, texts: list[str]) -> bytes:
        try:
            return orjson.dumps(texts) + b"\n"
        except orjson.JSONEncodeError:  # half a surrogate pair, which UTF-8 can't hold
            return orjson.dumps([_encodable(text, self._tally) for text in texts]) + b"\n"


def _encodable(text: str, tally: Tally) -> str:
    if SURROGATES.search(text):
        tally.count(REPLACED)
        return SURROGATES.sub("\ufffd", text)
    return text
