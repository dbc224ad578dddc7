"""PDF: rows become text here, pages in a child process that can be killed."""

from collections.abc import Sequence
from typing import BinaryIO
from zoneinfo import ZoneInfo

import orjson

from portal.exporters.base import Document, Written, header
from portal.exporters.options import PdfLimits
from portal.exporters.pdf_job import PdfColumn, PdfEnd, PdfJob
from portal.exporters.pdf_process import PdfProcess, folder_of
from portal.exporters.pdf_text import Totals, shown_texts
from portal.exporters.text import SURROGATES
from portal.table import NUMERIC_TYPES, Batch, Batches, Column, ColumnType
from portal.tally import REPLACED, Tally

_WRAPPED = frozenset({ColumnType.TEXT, ColumnType.JSON})
_LIMITS = PdfLimits()


class PdfExporter:
    """Landscape pages: a title block with the document's facts, one table, totals, "Page x of y".

    The page is A4 if the columns are legible on it, else A3, A2 …, which is noted. All text of cells is
    text, nothing in it is markup. Decimals show at least the digits they have; times are in the zone that
    their header names. Characters that no font has appear as `[U+1F642]`, counted. How many rows are too
    many is the caller's to say: here they are bounded by what making the PDF may cost.
    """

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, limits: PdfLimits = _LIMITS) -> None:
        self._limits = limits

    def write(
        self,
        batches: Batches,
        columns: Sequence[Column],
        out: BinaryIO,
        document: Document,
        tally: Tally | None = None,
    ) -> Written:
        """Write the PDF; see `Exporter`. Raises LimitExceeded as soon as a limit is passed."""
        rows = 0
        tally = tally or Tally()
        totals = Totals(columns)
        lines = _RowLines(columns, document, tally)
        job = self._job(columns, document, totals.columns, tally)
        with PdfProcess(job, self._limits.wall_seconds, folder_of(out)) as child:
            child.send(job.to_line())
            for batch in batches:
                rows += len(batch)
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
                    label=_encodable(header(column, document), tally),
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

    def __init__(self, columns: Sequence[Column], document: Document, tally: Tally) -> None:
        self._texts = [shown_texts(column, document, tally) for column in columns]
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
