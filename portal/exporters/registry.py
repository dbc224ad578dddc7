"""All formats, by the name used in schedules, snapshots and on the command line."""

from collections.abc import Callable

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.as_pdf import PdfExporter
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Exporter
from portal.exporters.options import Options

EXPORTERS: dict[str, Callable[[Options], Exporter]] = {
    "xlsx": lambda options: XlsxExporter(options.xlsx),
    "csv": lambda options: CsvExporter(options.csv),
    "json": lambda _: JsonExporter(),
    "ndjson": lambda _: NdjsonExporter(),
    "pdf": lambda options: PdfExporter(options.pdf),
}
