"""A dataset as it is defined, whether somebody wrote its query or it is built in."""

from dataclasses import dataclass

from portal.datasets.compliance.choice import BuiltIn
from portal.datasets.export_type import ExportType
from portal.datasets.parameters import Parameter
from portal.exporters.options import CsvOptions
from portal.table import Column

TAGS = ("PII", "SENSITIVE", "BOARD", "EXTERNAL")


@dataclass(frozen=True, slots=True)
class Definition:
    """All that a version of a dataset says, and what the dataset is called.

    `columns` are the query's, in order; `key_columns` tell its rows apart. `built_in` is what the query was
    made from, None where somebody wrote it. `query_timeout` is in seconds; None for either limit means what
    the portal allows.
    """

    name: str
    description: str
    sql: str
    parameters: tuple[Parameter, ...] = ()
    columns: tuple[Column, ...] = ()
    key_columns: tuple[str, ...] = ()
    csv: CsvOptions = CsvOptions()  # noqa: RUF009 - frozen
    row_limit: int | None = None
    query_timeout: int | None = None
    built_in: BuiltIn | None = None

    @property
    def export_type(self) -> ExportType:
        """CUSTOM for whatever somebody wrote."""
        return self.built_in.export_type if self.built_in else ExportType.CUSTOM
