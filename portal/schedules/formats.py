"""Formats and packing in the words of the form."""

from collections.abc import Mapping

from portal.exporters.options import Packing
from portal.schedules.models import ExportFormat

FORMAT_WORDS: Mapping[ExportFormat, str] = {
    ExportFormat.XLSX: "XLSX",
    ExportFormat.CSV: "CSV",
    ExportFormat.JSON: "JSON",
    ExportFormat.NDJSON: "JSON, a row a line (NDJSON)",
    ExportFormat.PDF: "PDF",
}
PACKING_WORDS: Mapping[Packing, str] = {
    Packing.NONE: "Not packed",
    Packing.ZIP: "In a ZIP archive",
    Packing.GZIP: "By gzip",
}
