"""All formats, by the name used in schedules, snapshots and on the command line."""

from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import JsonExporter, NdjsonExporter
from portal.exporters.as_pdf import PdfExporter
from portal.exporters.as_xlsx import XlsxExporter
from portal.exporters.base import Exporter

EXPORTERS: dict[str, Exporter] = {
    "xlsx": XlsxExporter(),
    "csv": CsvExporter(),
    "json": JsonExporter(),
    "ndjson": NdjsonExporter(),
    "pdf": PdfExporter(),
}
