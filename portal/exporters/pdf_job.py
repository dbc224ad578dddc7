"""What the portal tells its PDF child: first one `PdfJob`, then a line a row, at last one `PdfEnd`.

All three are JSON lines (orjson); rows are arrays of text, one a column, ready to be shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import orjson

OS_ERROR = 100
"""A child that meets an error of the operating system ends with this plus its errno as exit code: on a full
disk there is no room to say more."""


class Limits(Protocol):
    """What a job lets its program use: bytes of address space, seconds of CPU."""

    @property
    def memory_bytes(self) -> int: ...
    @property
    def cpu_seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PdfColumn:
    """`numeric` ones are set flush right, `wraps` may break over lines, `summed` have a total below."""

    label: str
    numeric: bool
    wraps: bool
    summed: bool = False


@dataclass(frozen=True, slots=True)
class PdfJob:
    """The document around the rows, and what the child may use: bytes of memory, seconds of CPU."""

    title: str
    organization: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[PdfColumn]
    memory_bytes: int
    cpu_seconds: int

    def to_line(self) -> bytes:
        """Return the line that `from_line` reads."""
        return orjson.dumps(self) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read what `to_line` wrote. Raises KeyError or JSONDecodeError on anything else."""
        data: dict[str, Any] = orjson.loads(line)
        columns = [PdfColumn(**column) for column in data.pop("columns")]
        return cls(columns=columns, **data)


@dataclass(frozen=True, slots=True)
class PdfEnd:
    """Ends the rows: without it rows are missing. `totals` holds one text a column, or is empty."""

    totals: Sequence[str]

    def to_line(self) -> bytes:
        """Return the line: the only one that is an object and not an array."""
        return orjson.dumps(self) + b"\n"
