"""Our PDF beside xhtml2pdf with one HTML table: same rows and page, interleaved processes, both verified.

    python benchmarks/pdf.py [--large] [--rows 1 100 1000] [--rounds 3] [--record]

Both make landscape A4 pages with a repeated header and "Page x of y" from rows of 7 columns. Each case is a
process of its own; its CPU seconds (user and system, median, without making the rows) hold those of the
processes it started and waited for: ours include the PDF child from its start, of which about half a second
is imports (the case of one row shows it), while the peer's libraries are imported before its clock starts.
Memory is the peak of the process that makes the PDF (at least the level of the one that started it, as the
kernel counts). `--large` adds 5,000 rows, once: the peer takes minutes.

Prints a line a case: name, CPU seconds of ours and the peer's, their ratio, peak MB and bytes of each.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from pypdf import PdfReader
from xhtml2pdf import pisa

from portal.exporters.as_pdf import PdfExporter
from portal.exporters.base import Document
from portal.table import Batch, Column, ColumnType

RESULTS = Path(__file__).with_name("results.jsonl")
DOCUMENT = Document("Open cases", "Acme Co.", datetime(2025, 1, 1, tzinfo=UTC), facts=(("Period", "2025"),))
COLUMNS = (
    Column("number", "Case number"),
    Column("title", "Title"),
    Column("status", "Status"),
    Column("opened", "Opened", ColumnType.DATE),
    Column("amount", "Amount", ColumnType.CURRENCY),
    Column("owner", "Owner"),
    Column("days", "Days", ColumnType.INTEGER),
)
STYLE = """
  @page { size: a4 landscape; margin: 36pt;
          @frame footer { -pdf-frame-content: footer; left: 36pt; width: 770pt; top: 559pt; height: 24pt; } }
  body { font-family: Helvetica; font-size: 7.5pt }
  th, td { padding: 3pt; text-align: left; border-bottom: 0.4pt solid #dfe6e7 }
  th { background-color: #0b6075; color: #ffffff }
"""


@dataclass(frozen=True)
class Measured:
    """One round, or medians: CPU seconds of all processes, peak MB of the one that makes the PDF."""

    cpu: float
    rss: float


def rows(count: int) -> Iterator[Batch]:
    """Yield the same realistic rows on every call, 1,000 a batch."""
    for first in range(0, count, 1000):
        yield [row(number) for number in range(first, min(first + 1000, count))]


def row(number: int) -> tuple[Any, ...]:
    return (
        key(number),
        f"Review of supplier {number % 997}, part {number}",
        ("NEW", "OPEN", "CLOSED")[number % 3],
        date(2025, 1, 1) + timedelta(days=number % 365),
        Decimal(number * 137 % 1_000_000) / 100,
        f"owner{number % 50}@acme.example",
        number % 101,
    )


def key(number: int) -> str:
    return f"AC-{number:06}"


# ---- the measured processes


def write_ours(path: Path, count: int) -> None:
    with path.open("wb") as out:
        PdfExporter().write(rows(count), COLUMNS, out, DOCUMENT)


def write_xhtml2pdf(path: Path, count: int) -> None:
    with path.open("wb") as out:
        status = pisa.CreatePDF("".join(html(count)), dest=out)
    assert not status.err, "xhtml2pdf reports errors"


def html(count: int) -> Iterator[str]:
    yield f"<html><head><style>{STYLE}</style></head><body><h1>{DOCUMENT.title}</h1><p>Period 2025</p>"
    yield '<table repeat="1"><thead><tr>'
    yield from (f"<th>{column.label}</th>" for column in COLUMNS)
    yield "</tr></thead><tbody>"
    for batch in rows(count):
        for values in batch:
            yield "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in values) + "</tr>"
    yield '</tbody></table><div id="footer">Page <pdf:pagenumber> of <pdf:pagecount></div></body></html>'


WRITERS: dict[str, Callable[[Path, int], None]] = {"ours": write_ours, "xhtml2pdf": write_xhtml2pdf}


def child(name: str, path: Path, count: int) -> Measured:
    started = process_time()
    for _ in rows(count):
        pass
    making = process_time() - started
    started = process_time()
    WRITERS[name](path, count)
    cpu = process_time() - started - making
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    maker = below if name == "ours" else resource.getrusage(resource.RUSAGE_SELF)
    return Measured(cpu + below.ru_utime + below.ru_stime, maker.ru_maxrss / 1024)


# ---- the one that compares


def run(name: str, path: Path, count: int) -> Measured:
    command = [sys.executable, __file__, "--child", name, str(path), str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Measured(**json.loads(done.stdout))


def verify(path: Path, count: int) -> None:
    """Every row's key is in the file once, in order, and each page has the header."""
    pages = [page.extract_text() for page in PdfReader(path).pages]
    words = [word for page in pages for word in page.split() if word.startswith("AC-")]
    assert words == [key(number) for number in range(count)], f"{path.name} does not hold the rows"
    for number, page in enumerate(pages, 1):
        assert "Amount" in page, f"page {number} of {path.name} has no header"
        assert f"Page {number} of {len(pages)}" in " ".join(page.split()), f"page {number} has no number"


def measure(count: int, rounds: int, folder: Path) -> dict[str, Measured]:
    """Make and verify both files so many times, in turn; return the medians by name."""
    found: dict[str, list[Measured]] = {name: [] for name in WRITERS}
    for _ in range(rounds):
        for name in WRITERS:
            found[name].append(run(name, folder / name, count))
    for name in WRITERS:
        verify(folder / name, count)
    return {
        name: Measured(median(one.cpu for one in ones), median(one.rss for one in ones))
        for name, ones in found.items()
    }


def compare(count: int, rounds: int, folder: Path) -> dict[str, Any]:
    found = measure(count, rounds, folder)
    ours, peer = found["ours"], found["xhtml2pdf"]
    return {
        "name": f"pdf-{count}/xhtml2pdf",
        "ours_cpu": round(ours.cpu, 2),
        "peer_cpu": round(peer.cpu, 2),
        "ratio": round(peer.cpu / ours.cpu, 1),
        "ours_rss": round(ours.rss),
        "peer_rss": round(peer.rss),
        "ours_bytes": (folder / "ours").stat().st_size,
        "peer_bytes": (folder / "xhtml2pdf").stat().st_size,
    }


FIELDS = ("ours_cpu", "peer_cpu", "ratio", "ours_rss", "peer_rss", "ours_bytes", "peer_bytes")


def main(cases: list[tuple[int, int]], *, record: bool) -> None:
    """Compare each number of rows in so many rounds."""
    print(f"{'name':<20}", *(f"{field:>10}" for field in FIELDS), " (s, MB)")
    with tempfile.TemporaryDirectory() as folder:
        for count, rounds in cases:
            line = compare(count, rounds, Path(folder))
            print(f"{line['name']:<20}", *(f"{line[field]:>10}" for field in FIELDS), flush=True)
            if record:
                with RESULTS.open("a") as out:
                    out.write(json.dumps({"at": datetime.now(UTC).isoformat(), **line}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        measured = child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        print(json.dumps({"cpu": measured.cpu, "rss": measured.rss}))
        sys.exit()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="also 5,000 rows, once: it takes minutes")
    parser.add_argument("--record", action="store_true", help="append the results to results.jsonl")
    options = parser.parse_args()
    large = [(5000, 1)] if options.large else []
    main([*((count, options.rounds) for count in options.rows), *large], record=options.record)
