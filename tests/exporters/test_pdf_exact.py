"""What the rows hold is what another program finds in the PDF: poppler where it is installed, and pypdf."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from portal.exporters.as_pdf import PdfExporter
from portal.table import Column, ColumnType, Zone
from tests.exporters.shared import DOCUMENT, export

BERLIN = ZoneInfo(DOCUMENT.timezone)

COLUMNS = (
    Column("n", "Number", ColumnType.TEXT),
    Column("i", "Integer", ColumnType.INTEGER),
    Column("d", "Decimal", ColumnType.DECIMAL),
    Column("on", "On", ColumnType.DATE),
    Column("at", "At", ColumnType.DATETIME),
    Column("utc", "At", ColumnType.DATETIME, zone=Zone.UTC),
    Column("b", "Flag", ColumnType.BOOLEAN),
)

decimals = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=12
)
instants = st.datetimes(
    datetime.min + timedelta(days=2),  # noqa: DTZ901 - hypothesis adds the zone
    datetime.max - timedelta(days=2),  # noqa: DTZ901
    timezones=st.just(timezone(timedelta(hours=5, minutes=45))),
)
# One run of letters a cell: how poppler and pypdf set blanks and lines is theirs.
words = st.text(
    st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x24F) | st.sampled_from("ΩμέγαЖщёЯ"),
    min_size=1,
    max_size=30,
)
clocks_back = datetime(2025, 10, 26, 1, tzinfo=UTC)  # one hour of local time before it comes again after it
around = st.timedeltas(timedelta(hours=-2), timedelta(hours=2)).map(lambda distance: clocks_back + distance)
rows = st.tuples(
    words,
    st.integers(-(2**70), 2**70),
    decimals,
    st.dates(),
    instants | around,
    instants,
    st.booleans(),
)

# Each example starts a process: no time to look for the smallest one that fails.
bounded = settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def drawn(data: bytes) -> str:
    """All text in the order of drawing, row by row and cell by cell, without blanks and line ends."""
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def seen(data: bytes) -> str:
    """The same as poppler reads it: with `-raw`, in the order of drawing, too."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    command = ["pdftotext", "-raw", "-enc", "UTF-8", "-", "-"]
    return "".join(
        subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode().split()
    )


def in_berlin(at: datetime) -> str:
    """The local time, with its offset where it comes twice."""
    moments = [at.astimezone(UTC) + timedelta(hours=hours) for hours in (-1, 0, 1)]
    before, local, after = (moment.astimezone(BERLIN) for moment in moments)
    naive = local.replace(tzinfo=None)
    twice = naive in (before.replace(tzinfo=None), after.replace(tzinfo=None))
    return (local if twice else naive).isoformat(" ")


def as_shown(row: Sequence[Any]) -> str:
    """The row as a person would write it down, in the way that is promised for each type."""
    word, integer, decimal, on, at, utc, flag = row
    return "".join(
        [
            word,
            str(integer),
            f"{decimal:f}",
            on.isoformat(),
            in_berlin(at),
            utc.astimezone(UTC).replace(tzinfo=None).isoformat(" "),
            "Yes" if flag else "No",
        ]
    ).replace(" ", "")


@bounded
@given(st.lists(rows, min_size=1, max_size=60))
def test_it_shows_every_digit_and_letter(values: list[tuple[Any, ...]]) -> None:
    data, written = export(PdfExporter(), COLUMNS, values)
    assert written.rows == len(values)
    assert not [note for note in written.notes if not note.startswith("Pages are ")]
    for text in (drawn(data), seen(data)):
        place = 0
        for row in values:
            shown = as_shown(row)
            place = text.find(shown, place)
            assert place >= 0, f"{shown} is not where it belongs"
            place += len(shown)


@pytest.mark.parametrize(
    ("column_type", "value", "shown"),
    [
        (ColumnType.TEXT, None, ""),
        (ColumnType.TEXT, "", ""),
        (ColumnType.DECIMAL, float("nan"), "NaN"),
        (ColumnType.DECIMAL, float("-inf"), "-Infinity"),
        (ColumnType.DECIMAL, 1e-7, "0.0000001"),
        (ColumnType.JSON, {"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}'),
        (ColumnType.TEXT, b"\x00\xff", "AP8="),
        (ColumnType.DATE, date(1899, 12, 31), "1899-12-31"),
        (ColumnType.TEXT, "=1+1", "=1+1"),
    ],
)
def test_it_shows_each_kind_of_value(column_type: ColumnType, value: object, shown: str) -> None:
    columns = [Column("a", "A"), Column("c", "C", column_type), Column("b", "B")]
    data, _ = export(PdfExporter(), columns, [["<", value, ">"]])
    assert f"<{shown}>" in drawn(data)
    assert f"<{shown}>" in seen(data)


@bounded
@given(st.lists(decimals, min_size=1, max_size=40))
def test_it_adds_up_exactly(values: list[Decimal]) -> None:
    columns = [Column("word", "Word"), Column("d", "D", ColumnType.DECIMAL)]
    data, _ = export(PdfExporter(), columns, [["x", value] for value in values])
    with localcontext(prec=60):
        trillionths = sum(int(value.scaleb(12)) for value in values)  # whole numbers: another way than ours
        assert f"Total{Decimal(trillionths).scaleb(-12):f}" in seen(data)
