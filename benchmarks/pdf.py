"""Our PDF beside xhtml2pdf with one HTML table: same rows and page, interleaved processes, both verified.

    python benchmarks/pdf.py [--large] [--rows 1 100 1000] [--rounds 3] [--record]

Both make landscape A4 pages with a repeated header and "Page x of y" from rows of 7 columns, with instants in
Europe/Berlin and amounts in groups of three digits (`stage/pages.py`). Every file of every round is read back
by pypdf: all cells of all rows, in the order of drawing, and each page's header and number.

Prints a line a case: CPU seconds (user and system, without making the rows, medians), the peer's by ours,
peak RSS in MB, bytes of the file. Ours count the process that has the rows and the one it starts to make the
PDF: their CPU from that one's start, of which over half a second is imports (the case of one row shows it),
and both their peaks, added up as if they fell together. The peer is one process, whose libraries are imported
before its clock starts. `--large` adds 5,000 rows: the peer takes minutes a round.
"""

import importlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

from stage.pages import COLUMNS, DOCUMENT, LABELS, batches, shown, verify
from stage.pairs import (
    Measured,
    measured,
    medians,
    pair,
    parser,
    print_header,
    print_line,
    run_child,
    seconds_to_make,
)

from portal.exporters.as_pdf import PdfExporter

STYLE = """
  @page { size: a4 landscape; margin: 36pt;
          @frame footer { -pdf-frame-content: footer; left: 36pt; width: 770pt; top: 559pt; height: 24pt; } }
  body { font-family: Helvetica; font-size: 7.5pt }
  th, td { padding: 3pt; text-align: left; border-bottom: 0.4pt solid #dfe6e7 }
  th { background-color: #0b6075; color: #ffffff }
"""
LARGE = 5000
WIDTH = 20  # of the names that are printed


# ---- the measured processes


def write_ours(path: Path, count: int) -> None:
    with path.open("wb") as out:
        PdfExporter().write(batches(count), COLUMNS, out, DOCUMENT)


def write_xhtml2pdf(path: Path, count: int) -> None:
    pisa = importlib.import_module("xhtml2pdf.pisa")
    with path.open("wb") as out:
        status = pisa.CreatePDF("".join(html(count)), dest=out)
    assert not status.err, "xhtml2pdf reports errors"


def html(count: int) -> Iterator[str]:
    yield f"<html><head><style>{STYLE}</style></head><body><h1>{DOCUMENT.title}</h1><p>Period 2025</p>"
    yield '<table repeat="1"><thead><tr>'
    yield from (f"<th>{label}</th>" for label in LABELS)
    yield "</tr></thead><tbody>"
    for values in chain.from_iterable(batches(count)):
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in shown(values)) + "</tr>"
    yield '</tbody></table><div id="footer">Page <pdf:pagenumber> of <pdf:pagecount></div></body></html>'


WRITERS: dict[str, Callable[[Path, int], None]] = {"ours": write_ours, "xhtml2pdf": write_xhtml2pdf}


def child(writer: str, path: Path, count: int) -> Measured:
    """Measure one writer in this process; our own never imports the peer's libraries."""
    if writer == "xhtml2pdf":
        importlib.import_module("xhtml2pdf.pisa")
    return measured(lambda: WRITERS[writer](path, count), path, seconds_to_make(batches(count)))


# ---- the one that compares


def compare(count: int, rounds: int) -> dict[str, Any]:
    """Return the line of one number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        found = medians(
            {name: Path(folder) / f"{name}.pdf" for name in WRITERS},
            rounds,
            lambda name, path: run_child(__file__, name, path, "--rows", str(count)),
            lambda _, path: verify(path, count),
        )
    return pair(f"pdf-{count}/xhtml2pdf", found["ours"], found["xhtml2pdf"])


def main(counts: list[int], rounds: int, *, recorded: bool) -> None:
    print_header(WIDTH)
    for count in counts:
        print_line(compare(count, rounds), WIDTH, recorded=recorded)


if __name__ == "__main__":
    arguments = parser(__doc__, WRITERS)
    arguments.add_argument("--rows", type=int, nargs="+", default=[1, 100, 1000])
    arguments.add_argument("--large", action="store_true", help=f"also {LARGE:,} rows: minutes a round")
    options = arguments.parse_args()
    if options.child:
        print(json.dumps(asdict(child(options.child, options.file, options.rows[0]))))
    else:
        counts = [*options.rows, *([LARGE] if options.large else [])]
        main(counts, options.rounds, recorded=options.record)
