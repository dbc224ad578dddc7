"""The geometry of the chart of runs a day: numbers only, drawn as SVG by a template. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 720, 168
LEFT, TOP, BASE = 28, 20, 140
GAP = 1.5
BAR = 0.63  # of a day's width


@dataclass(frozen=True)
class Day:
    """A local day of the organization and how its runs ended. `on_time` of `planned` came on time."""

    begins_at: datetime
    delivered: int = 0
    partial: int = 0
    failed: int = 0
    planned: int = 0
    on_time: int = 0


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: `status` colours it."""

    status: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A day. `top` is where its highest part begins."""

    day: datetime
    x: float
    width: float
    centre: float
    top: float
    parts: list[Part]
    words: str
    failed: bool


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    ticks: list[tuple[int, float]]
    words: str
    width: int = WIDTH
    height: int = HEIGHT


def chart(days: Sequence[Day]) -> Chart:
    """Lay out a bar a day, today's last, on a scale that ends at a round number."""
    highest = max((day.delivered + day.partial + day.failed for day in days), default=0)
    top = _round_up(highest)
    slot = (WIDTH - LEFT) / max(1, len(days))
    bars = [_bar(day, LEFT + index * slot, slot, (BASE - TOP) / top) for index, day in enumerate(days)]
    ticks = [(value, BASE - value * (BASE - TOP) / top) for value in (0, top // 2, top)]
    return Chart(bars=bars, ticks=ticks, words=_summary(days))


def _bar(day: Day, left: float, slot: float, scale: float) -> Bar:
    width = slot * BAR
    parts, y = [], float(BASE)
    for status, count in (("success", day.delivered), ("partial", day.partial), ("failed", day.failed)):
        if count:
            height = max(count * scale, 2)  # one failure among thousands must still be seen
            parts.append(Part(status, round(y - height, 1), round(max(height - GAP, 1), 1)))
            y -= height
    return Bar(
        day=day.begins_at,
        x=round(left + (slot - width) / 2, 1),
        width=round(width, 1),
        centre=round(left + slot / 2, 1),
        top=round(y, 1),
        parts=parts,
        words=_words(day),
        failed=bool(day.failed),
    )


def _words(day: Day) -> str:
    counts = f"{day.delivered} delivered, {day.partial} partly, {day.failed} failed"
    return f"{day.begins_at:%-d %b}: {counts}"


def _summary(days: Sequence[Day]) -> str:
    total = sum(day.delivered + day.partial + day.failed for day in days)
    short = sum(day.partial + day.failed for day in days)
    return f"Runs a day for {len(days)} days: {total:,} runs, {short:,} not fully delivered"


def _round_up(highest: int) -> int:
    """Return the next of 2, 4, 10, 20, 40, 100 …: even, so that half of it is a whole number."""
    step = 2
    while step < highest:
        step = step * 2 if str(step)[0] != "4" else step // 4 * 10
    return step
