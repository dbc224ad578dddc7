"""From values to places: nice ticks, and labels that give way to each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Scale:
    """A line from `low` to `high` (values) drawn from `start` to `end` (units of the drawing)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: Decimal | float) -> float:
        """Return where a value stands."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, count: int = 4, *, whole: bool = False) -> list[Decimal]:
    """Return evenly spaced round values that enclose `low` to `high` and zero, about `count` steps of them.

    Steps are 1, 2 or 5 times a power of ten; with `whole` never below 1. All zero gives 0 and one step.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    step = _step((high - low) / count, whole=whole)
    first = math.floor(Decimal(repr(low)) / step)
    last = max(math.ceil(Decimal(repr(high)) / step), first + 1)
    return [step * i for i in range(first, last + 1)]


def _step(least: float, *, whole: bool) -> Decimal:
    if least <= 0:
        return Decimal(1)
    power = Decimal(10) ** math.floor(math.log10(least))
    # A step of ten is there for what the logarithm rounded down.
    step = next(n * power for n in _STEPS if float(n * power) >= least * 0.999_999)
    return max(step, Decimal(1)) if whole else step


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places apart until they are `gap` from each other, between `low` and `high`, order kept.

    Where there is no room for all, those at the low end leave it.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed = list(wanted)
    least = low
    for i in order:
        placed[i] = max(placed[i], least)
        least = placed[i] + gap
    most = high
    for i in reversed(order):
        placed[i] = min(placed[i], most)
        most = placed[i] - gap
    return placed


def thinned(widths: Sequence[float], slot: float, gap: float) -> list[int]:
    """Return the positions of labels that fit side by side, `slot` apart, counted back from the last."""
    if not widths:
        return []
    need = max(widths) + gap
    every = next((n for n in (1, 2, 3, 4, 6, 12) if n * slot >= need), math.ceil(need / slot))
    return list(range(len(widths) - 1, -1, -every))[::-1]
