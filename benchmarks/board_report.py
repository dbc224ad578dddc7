"""What the board report costs over 200,000 cases on SQLite: its queries, its page, its PDF.

    python benchmarks/board_report.py [--cases 200000] [--rounds 5]

The built-in report (`portal.reports.board`, 14 sections) over the demo's compliance tables, for 30 days.
Prints medians: seconds of all queries (wall clock, the period before included); then, after the queries, CPU
seconds of making what the page shows with both drawings of each chart, and of the PDF: all of its process,
of starting that process for a report of one word, and the difference, which is what the sections cost. The
PDF is read back by pypdf: every section's title must be in it. The target is 0.5 s of CPU for ten sections.
"""

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

from jinja2 import Environment, FileSystemLoader
from pypdf import PdfReader

from portal.datasets.filters import bindings
from portal.datasets.query import open_rows
from portal.datasets.sql_text import parameters_in
from portal.demo import acme
from portal.exporters.base import Document
from portal.exporters.options import PdfLimits
from portal.reports.board import board_sections
from portal.reports.board_queries import PERIOD, board_queries
from portal.reports.charts.look import NARROW, WIDE
from portal.reports.content import (
    Answer,
    Block,
    ChartBlock,
    KpiBlock,
    TableBlock,
    TextBlock,
    Unavailable,
    blocks,
)
from portal.reports.layout import Arrangement, arranged
from portal.reports.printing.job import Brand, ReportJob
from portal.reports.printing.press import print_report
from portal.reports.sections import Width
from portal.resources import resource_root
from portal.sources.connection import Source
from portal.sources.url import parse_url
from portal.tally import Tally

TODAY = date(2025, 11, 25)
DUE = datetime(2025, 11, 25, 12, tzinfo=UTC)
ZONE = "America/New_York"
DOCUMENT = Document("Board report", "Acme Co.", DUE, ZONE, (("Period", "26 Oct 2025 to 24 Nov 2025"),))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--cases", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compliance.db"
        acme.build(path, "Acme Co.", chosen.cases, seed=7, today=TODAY)
        source = Source(parse_url(f"sqlite:///{path}"))
        begun = time.perf_counter()
        answers = {query.key: answered(source, query.key) for query in board_queries("sqlite")}
        print(f"{chosen.cases:,} cases; all queries, twice: {time.perf_counter() - begun:.2f} s")
    sections = board_sections({key: key for key in answers})
    shown = blocks(sections, answers, DOCUMENT, Tally())
    assert not [block for block in shown if isinstance(block, Unavailable)]
    rounds = range(chosen.rounds)
    page = median(own_cpu(lambda: made_page(blocks(sections, answers, DOCUMENT, Tally()))) for _ in rounds)
    whole = median(childs_cpu(lambda: verified(shown)) for _ in rounds)
    start = median(childs_cpu(lambda: printed([TextBlock("", ["One."])])) for _ in rounds)
    print(
        f"{len(sections)} sections: page {page:.3f} s CPU; PDF {whole:.2f} s, of which starting {start:.2f} s"
    )
    print(f"after the queries, a PDF's sections cost {whole - start:.2f} s CPU")


def answered(source: Source, key: str) -> Answer:
    """Read a query for the period and for the one before."""
    query = next(one for one in board_queries("sqlite") if one.key == key)
    now, before = (
        [row for batch in rows for row in batch]
        for rows in (read(source, key, preset) for preset in ("last_30_days", "previous_month"))
    )
    return Answer(query.columns, now, before)


def read(source: Source, key: str, preset: str) -> list[list[object]]:
    query = next(one for one in board_queries("sqlite") if one.key == key)
    chosen = {"period": {"preset": preset}}
    values = bindings([PERIOD], chosen, due_at=DUE, timezone=ZONE, sqlite=True)
    wanted = {name: values[name] for name in parameters_in(query.sql, "sqlite")}
    with open_rows(source, query.sql, wanted, columns=query.columns, timeout=600) as found:
        return [list(batch) for batch in found.batches]


def made_page(shown: list[Block]) -> str:
    environment = Environment(loader=FileSystemLoader(resource_root() / "templates"), autoescape=True)
    return environment.get_template("reports/_blocks.html").render(
        groups=list(arranged(shown)),
        looks={Width.FULL: (WIDE, NARROW), Width.HALF: (WIDE, NARROW)},
        Arrangement=Arrangement,
        kinds={KpiBlock: "kpi", ChartBlock: "chart", TableBlock: "table", TextBlock: "text"},
    )


def printed(shown: list[Block]) -> bytes:
    limits, out = PdfLimits(), io.BytesIO()
    facts = list(DOCUMENT.facts)
    job = ReportJob(
        "Board report", "Acme Co.", facts, shown, Brand(), limits.memory_bytes, limits.cpu_seconds
    )
    print_report(job, limits, out)
    return out.getvalue()


def verified(shown: list[Block]) -> None:
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(printed(shown))).pages)
    for block in shown:
        title = block.kpi.label if isinstance(block, KpiBlock) else block.title
        assert title in text, title


def own_cpu(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def childs_cpu(act: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
