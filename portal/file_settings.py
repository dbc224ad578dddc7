"""The settings of files, which an export from the command line has, too."""

from typing import Literal, NamedTuple

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def what_helps(variable: str) -> str:
    """Return what can be done when the limit that a variable sets was passed."""
    another = ", choose another format," if variable.startswith("PORTAL_PDF_") else ""
    return f"Narrow its filters{another} or let the operator raise {variable}."


class RowLimit(NamedTuple):
    """How many rows a file may have, and the variable that says so."""

    rows: int
    variable: str


class FileSettings(BaseSettings):
    """Settings by their variable. Durations are in seconds, sizes in bytes."""

    # An empty variable is one left out: `PORTAL_SOURCES_DIR=` must not mean the working directory.
    model_config = SettingsConfigDict(
        populate_by_name=True, extra="ignore", frozen=True, env_ignore_empty=True
    )

    row_limit: int = Field(10_000_000, ge=1, alias="PORTAL_ROW_LIMIT")
    pdf_row_limit: int = Field(20_000, ge=1, alias="PORTAL_PDF_ROW_LIMIT")
    pdf_memory_limit: int = Field(2**30, ge=2**28, alias="PORTAL_PDF_MEMORY_LIMIT")
    pdf_cpu_limit: int = Field(300, ge=1, alias="PORTAL_PDF_CPU_LIMIT")
    pdf_time_limit: float = Field(600, gt=0, alias="PORTAL_PDF_TIME_LIMIT")
    xlsx_size: Literal["fast", "small"] = Field("fast", alias="PORTAL_XLSX_SIZE")

    def rows_of(self, form: str) -> RowLimit:
        """Return the limit of a format."""
        if form == "pdf" and self.pdf_row_limit < self.row_limit:
            return RowLimit(self.pdf_row_limit, "PORTAL_PDF_ROW_LIMIT")
        return RowLimit(self.row_limit, "PORTAL_ROW_LIMIT")
