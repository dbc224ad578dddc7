"""What can be chosen about a file beside its format."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Delimiter(StrEnum):
    COMMA = ","
    SEMICOLON = ";"
    TAB = "\t"
    PIPE = "|"


class Encoding(StrEnum):
    """`utf-8-bom` begins with the mark without which Excel takes UTF-8 for a local code page."""

    UTF_8_BOM = "utf-8-bom"
    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    WINDOWS_1252 = "windows-1252"


class LineEnd(StrEnum):
    CRLF = "crlf"
    LF = "lf"


class Quoting(StrEnum):
    """Which fields stand in quotes: those that must, all of type text, or all."""

    MINIMAL = "minimal"
    TEXT = "text"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How CSV is written. The default is what RFC 4180 says, with a mark for Excel."""

    delimiter: Delimiter = Delimiter.COMMA
    encoding: Encoding = Encoding.UTF_8_BOM
    line_end: LineEnd = LineEnd.CRLF
    quoting: Quoting = Quoting.MINIMAL
    decimal_comma: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form kept in the database; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the form written by `to_dict`; what is missing is the default. Raises ValueError."""
        kinds: dict[str, Callable[[Any], Any]] = {
            "delimiter": Delimiter,
            "encoding": Encoding,
            "line_end": LineEnd,
            "quoting": Quoting,
            "decimal_comma": bool,
        }
        return cls(**{name: kind(data[name]) for name, kind in kinds.items() if name in data})


class XlsxSize(StrEnum):
    """Whether a workbook is packed fast, or as small as it gets."""

    FAST = "fast"
    SMALL = "small"


class Packing(StrEnum):
    """What the finished file is packed in."""

    NONE = "none"
    GZIP = "gzip"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """What making one PDF may cost. `memory_bytes` is address space, `wall_seconds` includes reading."""

    memory_bytes: int = 2**30
    cpu_seconds: int = 300
    wall_seconds: float = 600


@dataclass(frozen=True, slots=True)
class Options:
    """All of them; each exporter takes what concerns it. `packing` is `packed.Packed`'s."""

    csv: CsvOptions = CsvOptions()
    xlsx: XlsxSize = XlsxSize.FAST
    pdf: PdfLimits = PdfLimits()
    packing: Packing = Packing.NONE
