import io
import os
import resource
import shutil
import signal
import subprocess
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from portal.errors import LimitExceeded, RenderFailed, StorageFull
from portal.exporters.as_pdf import PdfExporter
from portal.exporters.base import Document
from portal.exporters.options import PdfLimits
from portal.exporters.pdf_child import LABELS_CUT, UNDRAWABLE
from portal.exporters.pdf_fonts import cjk_font
from portal.storage.local import explained
from portal.table import Batch, Column, ColumnType
from portal.tally import REPLACED
from tests.exporters.shared import DOCUMENT, Pipe, export

CASES = [
    Column("id", "Id", ColumnType.INTEGER),
    Column("title", "Title"),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("opened", "Opened", ColumnType.DATE),
    Column("changed", "Changed", ColumnType.DATETIME),
]
TITLE = [CASES[1]]

linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


def case(number: int, title: str = "A case") -> list[Any]:
    moment = datetime(2025, 7, 1, 12, tzinfo=UTC)
    return [number, title, Decimal("1000.50"), date(2025, 3, 9), moment]


def pages(data: bytes) -> list[str]:
    """Read each page's text with poppler where it is installed, else with pypdf."""
    if shutil.which("pdftotext") is None:
        return [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    command = ["pdftotext", "-layout", "-", "-"]
    text = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    return text.split("\f")[:-1]


def text_of(rows: list[list[Any]], columns: list[Column] = TITLE, document: Document = DOCUMENT) -> str:
    return "".join(pages(export(PdfExporter(), columns, rows, document)[0]))


def endless(batch: Batch) -> Iterator[Batch]:
    while True:
        yield batch


def test_it_shows_title_facts_header_and_values() -> None:
    data, written = export(PdfExporter(), CASES, [case(7)])
    (page,) = pages(data)
    for shown in ("Acme Co.", "Open cases", "Period", "February 2025", "Łukasz Kowalski"):
        assert shown in page
    assert "2025-03-09 08:30 (Europe/Berlin)" in page
    for label in ("Id", "Title", "Amount", "Opened", "Changed"):
        assert label in page
    for shown in ("A case", "1,000.50", "2025-03-09", "2025-07-01 14:00:00"):
        assert shown in page
    assert (written.rows, written.notes) == (1, ())


def test_it_repeats_the_header_and_numbers_the_pages() -> None:
    data, written = export(PdfExporter(), CASES, [case(i) for i in range(1, 101)])
    shown = pages(data)
    assert len(shown) > 2
    for number, page in enumerate(shown, 1):
        assert f"Page {number} of {len(shown)}" in page
        assert "Amount" in page
    words = " ".join(shown).split()
    assert all(str(number) in words for number in range(1, 101))
    assert written.rows == 100


def test_it_adds_up_what_is_worth_adding_up() -> None:
    columns = [*CASES[:3], Column("share", "Share", ColumnType.PERCENTAGE)]
    rows = [[i, "x", Decimal("0.10"), Decimal("0.5")] for i in (1, 2, 3)]
    (page,) = pages(export(PdfExporter(), columns, rows)[0])
    total = next(line for line in page.splitlines() if "Total" in line)
    assert total.split() == ["Total", "0.30"]


def test_it_names_the_totals_when_the_first_column_has_one() -> None:
    columns = [Column("days", "Days", ColumnType.INTEGER), *CASES[1:3]]
    (page,) = pages(export(PdfExporter(), columns, [[7, "x", Decimal(1)], [8, "y", Decimal(2)]])[0])
    total = next(line for line in page.splitlines() if "Total" in line)
    assert total.split() == ["Total", "15", "3.00"]


def test_it_says_how_many_labels_it_cut() -> None:
    columns = [
        Column("a", "word " * 500),
        *[Column(f"c{i}", "label") for i in range(20)],
        Column("z", "z" * 999),
    ]
    data, written = export(PdfExporter(), columns, [["x"] * 22])
    assert f"{LABELS_CUT}: 2 cells." in written.notes
    assert "".join(pages(data)).count("label") == 20


def test_it_says_when_there_are_no_rows() -> None:
    data, written = export(PdfExporter(), CASES, [])
    (page,) = pages(data)
    assert "No rows." in page
    assert "Total" not in page
    assert written.rows == 0


def test_it_names_itself_in_the_document_properties() -> None:
    data, _ = export(PdfExporter(), TITLE, [])
    metadata = PdfReader(io.BytesIO(data)).metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == ("Open cases", "Acme Co.")


needs_cjk_font = pytest.mark.skipif(cjk_font() is None, reason="no font for Chinese, Japanese and Korean")
EAST_ASIAN = ["李小龙", "東京タワー", "한국어", "한국어 タワー 漢字 中文 abc"]


@pytest.mark.parametrize(
    "text",
    [
        *("Ωμέγα και άλφα", "Съешь ещё", "Žluťoučký kůň", "ไทย", "→ ✓", "₿ 5", "שלום עולם", "مرحبا بالعالم"),
        *(pytest.param(text, marks=needs_cjk_font) for text in EAST_ASIAN),
    ],
)
def test_it_has_a_font_for_every_script(text: str) -> None:
    data, written = export(PdfExporter(), TITLE, [[text]], Document(text, text, DOCUMENT.generated_at))
    # Poppler turns lines that run to the left round again, but leaves Arabic letters in their joined forms.
    shown = unicodedata.normalize("NFKC", "".join("".join(pages(data)).split()))
    shown = "".join(c for c in shown if unicodedata.category(c) != "Cf")
    assert shown.count("".join(text.split())) == 5  # organization, title, cell, both in the footer
    assert written.notes == ()


def fonts_of(page: Any) -> list[Any]:
    return [reference.get_object() for reference in page["/Resources"]["/Font"].values()]


@pytest.mark.parametrize("text", ["abc Ω Ж ไทย שלום مرحبا ✓", *EAST_ASIAN])
def test_it_embeds_every_font_it_names(text: str) -> None:
    data, _ = export(PdfExporter(), TITLE, [[text]], Document(text, text, DOCUMENT.generated_at))
    fonts = {
        font["/BaseFont"]: font["/FontDescriptor"]
        for page in PdfReader(io.BytesIO(data)).pages
        for font in fonts_of(page)
    }
    assert fonts
    assert all("/FontFile2" in descriptor for descriptor in fonts.values())


def test_it_shows_the_code_of_what_no_font_has_and_counts_it() -> None:
    data, written = export(PdfExporter(), TITLE, [["fine 🙂 \x07"], ["ok"]])
    assert "fine [U+1F642] [U+0007]" in "".join(pages(data))
    assert written.notes == (f"{UNDRAWABLE}: 1 cell.",)


def test_it_replaces_half_a_surrogate_pair_and_counts_it() -> None:
    _, written = export(PdfExporter(), TITLE, [["a\ud800b"]])
    assert f"{REPLACED}: 1 cell." in written.notes


def test_it_keeps_line_ends_and_breaks_long_words() -> None:
    shown = text_of([["first\nsecond\r\nthird"], ["x" * 1000]], [Column("t", "T")] * 1)
    lines = [line.strip() for line in shown.splitlines()]
    assert {"first", "second", "third"} <= set(lines)
    assert shown.count("x") == 1000


def test_it_breaks_a_row_taller_than_a_page() -> None:
    text = " ".join(f"w{i}" for i in range(8000))
    data, _ = export(PdfExporter(), CASES, [case(1, text), case(2)])
    shown = pages(data)
    assert len(shown) > 3
    words = set(" ".join(shown).split())
    assert all(f"w{i}" in words for i in range(8000))


def test_it_grows_the_page_when_columns_would_not_be_legible() -> None:
    columns = [Column(f"c{i}", f"Investigation {i}") for i in range(36)]
    data, written = export(PdfExporter(), columns, [["text of some length"] * 36])
    width = float(PdfReader(io.BytesIO(data)).pages[0].mediabox.width)
    assert width > 842
    assert len(written.notes) == 1
    assert written.notes[0].startswith("Pages are A")
    assert "".join(pages(data)).count("Investigation") == 36


def test_it_refuses_more_columns_than_any_page_holds() -> None:
    with pytest.raises(LimitExceeded, match="wider than PDF allows"):
        export(PdfExporter(), [Column(f"c{i}", "Label") for i in range(600)], [["x"] * 600])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (PdfLimits(wall_seconds=1.5), r"longer than 1\.5 s\. .* raise PORTAL_PDF_TIME_LIMIT\."),
        (PdfLimits(cpu_seconds=1), r"more CPU than 1 s\. .* raise PORTAL_PDF_CPU_LIMIT\."),
        (PdfLimits(memory_bytes=64 * 2**20), r"memory than 64 MiB\. .* raise PORTAL_PDF_MEMORY_LIMIT\."),
    ],
)
def test_it_ends_a_child_that_passes_a_limit(limits: PdfLimits, message: str) -> None:
    words = [[f"{i} " + "lorem ipsum " * 40] for i in range(50)]
    with pytest.raises(LimitExceeded, match=message):
        PdfExporter(limits).write(endless(words), TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]


def test_it_says_that_reading_counts_when_time_is_up() -> None:
    def slow() -> Iterator[Batch]:
        yield [["x"]]
        time.sleep(1)
        yield from endless([["x" * 1000]] * 100)

    with pytest.raises(
        LimitExceeded, match=r"^Reading the rows and making the PDF took longer than 0\.5 s\."
    ):
        PdfExporter(PdfLimits(wall_seconds=0.5)).write(slow(), TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk with so many bytes left, for this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_says_that_the_disk_is_full_as_any_other_format_does() -> None:
    with pytest.raises(StorageFull, match="File too large"), explained("write"), files_of_at_most(4000):
        PdfExporter().write([[["x"]]], TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]


@linux_only
def test_it_makes_the_pdf_on_the_disk_of_its_file(tmp_path: Path) -> None:
    before = set(children())
    seen: list[Path] = []

    def rows() -> Iterator[Batch]:
        yield [["x"]]
        (child,) = set(children()) - before
        seen.append(Path(f"/proc/{child}/fd/1").readlink())

    with (tmp_path / "out.pdf").open("wb") as out:
        PdfExporter().write(rows(), TITLE, out, DOCUMENT)
    assert seen[0].parent == tmp_path
    assert list(tmp_path.iterdir()) == [tmp_path / "out.pdf"]


def children() -> list[int]:
    """The processes this one started and has not yet waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@linux_only
def test_it_says_when_the_child_was_killed() -> None:
    before = set(children())

    def rows() -> Iterator[Batch]:
        yield [["x"]]
        (child,) = set(children()) - before
        os.kill(child, signal.SIGKILL)
        yield from endless([["x" * 1000]] * 20)

    with pytest.raises(RenderFailed, match="ended by signal 9"):
        PdfExporter().write(rows(), TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]
    assert set(children()) == before


@linux_only
def test_it_leaves_no_child_behind_when_reading_fails() -> None:
    before = set(children())
    started: list[int] = []

    def rows() -> Iterator[Batch]:
        started.extend(set(children()) - before)
        yield [["x"]]
        raise ConnectionError("the source went away")

    with pytest.raises(ConnectionError, match="went away"):
        PdfExporter().write(rows(), TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]
    assert len(started) == 1
    assert not is_alive(started[0])


@linux_only
def test_it_keeps_the_portals_environment_from_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", "a-secret-of-the-portal")
    before = set(children())
    seen: list[bytes] = []

    def rows() -> Iterator[Batch]:
        yield [["x" * 1000]] * 200  # more than the pipe holds: when it returns, the child is reading
        (child,) = set(children()) - before
        seen.append(Path(f"/proc/{child}/environ").read_bytes())

    PdfExporter().write(rows(), TITLE, Pipe(), DOCUMENT)  # type: ignore[arg-type]
    assert b"PATH=" in seen[0]
    assert b"a-secret-of-the-portal" not in seen[0]
