"""Rows of seven columns for pages, and PDFs read back by another program."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pypdf import PdfReader

from portal.exporters.base import Document, header
from portal.table import Batch, Column, ColumnType, Row

DOCUMENT = Document(
    "Open cases",
    "Acme Co.",
    datetime(2025, 1, 1, tzinfo=UTC),
    timezone="Europe/Berlin",
    facts=(("Period", "2025"),),
)
ZONE = ZoneInfo(DOCUMENT.timezone)
COLUMNS = (
    Column("number", "Case number"),
    Column("title", "Title"),
    Column("status", "Status"),
    Column("opened", "Opened", ColumnType.DATETIME),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("owner", "Owner"),
    Column("days", "Days", ColumnType.INTEGER),
)
LABELS = [header(column, DOCUMENT) for column in COLUMNS]


def batches(count: int) -> Iterator[Batch]:
    """Yield the same realistic rows on every call, 1,000 a batch."""
    for first in range(0, count, 1000):
        yield [row(number) for number in range(first, min(first + 1000, count))]


def row(number: int) -> tuple[Any, ...]:
    return (
        f"AC-{number:06}",
        f"Review of supplier {number % 997}, part {number}",
        ("NEW", "OPEN", "CLOSED")[number % 3],
        datetime(2025, 1, 1, 6, 30, tzinfo=UTC) + timedelta(days=number % 365, minutes=number * 7 % 600),
        Decimal(number * 137 % 1_000_000) / 100,
        f"owner{number % 50}@acme.example",
        number % 101,
    )


def shown(values: Row) -> list[str]:
    """Return the text of each cell: what the peer is given, and what both must show."""
    number, title, status, opened, amount, owner, days = values
    local = opened.astimezone(ZONE).replace(tzinfo=None)
    return [number, title, status, str(local), f"{amount:,.2f}", owner, str(days)]


def verify(path: Path, count: int) -> None:
    """Every cell of every row is drawn, in order, no row twice; each page has the header and its number."""
    pages = [" ".join(page.extract_text().split()) for page in PdfReader(path).pages]
    drawn, place = "".join(pages).replace(" ", ""), 0
    for values in chain.from_iterable(batches(count)):
        cells = "".join(shown(values)).replace(" ", "")
        place = drawn.find(cells, place)
        assert place >= 0, f"{path.name} does not hold {cells} where it belongs"
        place += len(cells)
    found = drawn.count("AC-")
    assert found == count, f"{path.name} holds {found} rows, not {count}"
    for number, page in enumerate(pages, 1):
        assert "Amount" in page, f"page {number} of {path.name} has no header"
        assert f"Page {number} of {len(pages)}" in page, f"page {number} of {path.name} has no number"
