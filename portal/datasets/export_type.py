"""What a dataset exports, by the names that people's other systems know."""

from enum import StrEnum


class ExportType(StrEnum):
    FLAT_FILE = "FLAT_FILE"
    CASES_ONLY = "CASES_ONLY"
    INVESTIGATIONS_ONLY = "INVESTIGATIONS_ONLY"
    DISCLOSURES_ONLY = "DISCLOSURES_ONLY"
    CUSTOM = "CUSTOM"
