"""What the portal tells the program that prints a report: one JSON line, all blocks in it."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import orjson

from portal.reports.charts.data import Chart, Series
from portal.reports.content import Block, ChartBlock, KpiBlock, TableBlock, TextBlock
from portal.reports.figures import Better, Figure, Kpi
from portal.reports.numbers import Number, Unit, exact
from portal.reports.sections import SectionKind, Width


@dataclass(frozen=True, slots=True)
class Brand:
    """How an organization's papers look: a colour `#rrggbb`, and a PNG with its size in pixels, if any."""

    colour: str = "#0b6075"
    logo: bytes | None = None
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class ReportJob:
    """A report ready to be printed, and what may be used for it: bytes of memory, seconds of CPU."""

    title: str
    organization: str
    facts: Sequence[tuple[str, str]]
    blocks: Sequence[Block]
    brand: Brand
    memory_bytes: int
    cpu_seconds: int

    def to_line(self) -> bytes:
        """Return the line that `from_line` reads. Raises TypeError for a block that is not for print."""
        logo = self.brand.logo
        return orjson.dumps(
            {
                "title": self.title,
                "organization": self.organization,
                "facts": self.facts,
                "blocks": [_plain(block) for block in self.blocks],
                "brand": {
                    "colour": self.brand.colour,
                    "logo": b64encode(logo).decode("ascii") if logo else None,
                    "width": self.brand.width,
                    "height": self.brand.height,
                },
                "memory_bytes": self.memory_bytes,
                "cpu_seconds": self.cpu_seconds,
            }
        )

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read what `to_line` wrote. Raises KeyError or JSONDecodeError on anything else."""
        data: dict[str, Any] = orjson.loads(line)
        brand = data.pop("brand")
        logo = b64decode(brand.pop("logo")) if brand["logo"] else brand.pop("logo")
        blocks = [_block(block) for block in data.pop("blocks")]
        return cls(blocks=blocks, brand=Brand(logo=logo, **brand), **data)


def _plain(block: Block) -> dict[str, Any]:
    match block:
        case KpiBlock(kpi):
            figure = kpi.figure
            return {
                "block": "kpi",
                "label": kpi.label,
                "value": _text(figure.value),
                "previous": _text(figure.previous),
                "unit": figure.unit,
                "better": kpi.better,
            }
        case ChartBlock(kind, title, chart, width):
            series = [[one.label, list(map(_text, one.values))] for one in chart.series]
            return {
                "block": "chart",
                "kind": kind,
                "title": title,
                "categories": chart.categories,
                "series": series,
                "unit": chart.unit,
                "width": width,
            }
        case TableBlock(title, labels, numeric, rows, more):
            return {
                "block": "table",
                "title": title,
                "labels": labels,
                "numeric": numeric,
                "rows": rows,
                "more": more,
            }
        case TextBlock(title, paragraphs):
            return {"block": "text", "title": title, "paragraphs": paragraphs}
    raise TypeError(f"{block!r} is not for print")


def _block(data: dict[str, Any]) -> Block:
    match data.pop("block"):
        case "kpi":
            figure = Figure(_number(data["value"]), _number(data["previous"]), Unit(data["unit"]))
            return KpiBlock(Kpi(data["label"], figure, Better(data["better"])))
        case "chart":
            series = [Series(label, list(map(_number, values))) for label, values in data["series"]]
            chart = Chart(data["title"], data["categories"], series, Unit(data["unit"]))
            return ChartBlock(SectionKind(data["kind"]), data["title"], chart, Width(data["width"]))
        case "table":
            return TableBlock(**data)
    return TextBlock(**data)


def _text(value: Number | None) -> str | None:
    """Return a number with all its digits; None for what is no figure."""
    number = exact(value)
    return None if number is None else str(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
