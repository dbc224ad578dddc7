"""Rows as a compliance team exports them: the same ones on every call, for benchmarks of writers.

Twelve columns: numbers, short texts in several scripts, long ones with line ends and signs of XML, instants,
amounts and names of which some are NULL. No text begins with "=": some writers would make a formula of it.

Both columns of instants are aware, in UTC, as `timestamptz` and SQLite's text reach an exporter, and are
shown in the zone of a schedule, Europe/Berlin: naive times, which few sources have, would spare us work.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from portal.exporters.base import Document, header
from portal.table import Batch, Column, ColumnType, Row

COLUMNS = (
    Column("id", "id", ColumnType.INTEGER),
    Column("case_number", "case_number"),
    Column("title", "title"),
    Column("status", "status"),
    Column("severity", "severity"),
    Column("category", "category"),
    Column("created_at", "created_at", ColumnType.DATETIME),
    Column("updated_at", "updated_at", ColumnType.DATETIME),
    Column("amount", "amount", ColumnType.CURRENCY),
    Column("assignee", "assignee"),
    Column("is_confidential", "is_confidential", ColumnType.BOOLEAN),
    Column("description", "description"),
)
DOCUMENT = Document("Benchmark", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC), timezone="Europe/Berlin")
ZONE = ZoneInfo(DOCUMENT.timezone)
KEYS = [column.key for column in COLUMNS]
LABELS = [header(column, DOCUMENT) for column in COLUMNS]
"""What stands above our columns; the peers' are given the keys."""
INSTANTS = [place for place, column in enumerate(COLUMNS) if column.type is ColumnType.DATETIME]
STATUSES = ("open", "in_review", "escalated", "pending_info", "closed", "rejected")
SEVERITIES = ("low", "medium", "high", "critical")
CATEGORIES = ("Anti-Bribery", "Data Privacy", "Sanctions", "Trade Control", "Health & Safety", "AML / KYC")
NAMES = (
    "Anna Müller",
    "José García",
    "Zoë Smith",
    "李小龙",
    "Łukasz Kowalski",
    "Олег",
    "山田 太郎",
    None,
)
TEXT = (
    "review of vendor payment invoice approval third party gift register entry employee training record"
    " policy breach audit finding remediation plan evidence control owner risk assessment customer due"
    " diligence transaction alert access rights retention request regulator deadline waiver clause"
)
WORDS = TEXT.split()
START = datetime(2019, 1, 1, tzinfo=UTC)
SIX_YEARS = 6 * 365 * 86_400


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield `count` rows; a row costs little to make, because its pieces are drawn once."""
    draw = random.Random(20240607)  # noqa: S311 - no secret
    pieces = [_piece(draw) for _ in range(3000)]
    times = [START + timedelta(seconds=draw.randrange(SIX_YEARS)) for _ in range(20_000)]
    amounts = [
        Decimal(draw.randrange(50_000_000)) / 100 if draw.random() < 0.96 else None for _ in range(9400)
    ]
    for number in range(1, count + 1):
        drawn = draw.getrandbits(60)
        yield (
            number,
            f"CASE-{2019 + drawn % 6}-{number:07}",
            f"{pieces[drawn % 2999][:20]} / {pieces[(drawn >> 9) % 2997][:20]} #{drawn % 9973}",
            STATUSES[drawn % 6],
            SEVERITIES[(drawn >> 3) % 4],
            CATEGORIES[(drawn >> 5) % 6],
            times[(drawn >> 7) % 19_997],
            times[(drawn >> 11) % 19_993],
            amounts[(drawn >> 13) % 9391],
            NAMES[(drawn >> 17) % 7],
            drawn % 2 == 0,
            f"{pieces[(drawn >> 19) % 2995]} {pieces[(drawn >> 23) % 2997]}. {pieces[(drawn >> 29) % 2993]}",
        )


def batches(count: int, size: int = 1000) -> Iterator[Batch]:
    """Yield the rows as one read after the other brings them."""
    source = rows(count)
    while batch := list(islice(source, size)):
        yield batch


def wall_time(instant: datetime) -> datetime:
    """Return the time in the zone, without it: what users give libraries that know no zones."""
    return instant.astimezone(ZONE).replace(tzinfo=None)


def with_wall_times(row: Row) -> list[Any]:
    """Return a row as such a user writes it."""
    values = list(row)
    for place in INSTANTS:
        values[place] = wall_time(values[place])
    return values


def _piece(draw: random.Random) -> str:
    words: Sequence[str] = draw.choices(WORDS, k=draw.randint(4, 9))
    text = " ".join(words)
    for sign in draw.choices((", ", "\n", " & ", " <b> ", ""), (15, 8, 6, 4, 67)):
        text = text.replace(" ", sign, 1) if sign else text
    return text.replace("e", "é") if draw.random() < 0.04 else text
