"""Values of a preview in words, as a PDF shows them."""

from collections.abc import Sequence

from portal.clock import utcnow
from portal.datasets.first_rows import Preview
from portal.exporters.base import Document
from portal.exporters.pdf_text import shown_texts
from portal.tally import Tally

LONGEST_CELL = 80


def shown_cells(found: Preview, timezone: str) -> Sequence[Sequence[str | None]]:
    """Return the preview's values as texts, cut to a cell; None for NULL."""
    document = Document("", "", utcnow(), timezone=timezone)
    shown = [shown_texts(column, document, Tally()) for column in found.columns]
    return [
        [
            None if value is None else _cut(texts[type(value)](value))
            for texts, value in zip(shown, row, strict=True)
        ]
        for row in found.rows
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
