"""Key figures: a value as it is shown, and its change against the previous period in words."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.reports.numbers import Number, Unit, exact, grouped, is_one, shown, signed

_PREVIOUS = "the previous period"
# From 1 to 45 is +4,400 %, which tells less than the two numbers.
_MOST_PERCENT = 1000


class Better(StrEnum):
    """Which way a figure should go."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Tone(StrEnum):
    """What a change means to the reader: the word by which a page chooses its colour."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and what it was in the previous period; None where there is none: the median of no case."""

    value: Number | None
    previous: Number | None = None
    unit: Unit = Unit.COUNT

    @property
    def now(self) -> Decimal | None:
        """The value; None for NaN, too."""
        return exact(self.value)

    @property
    def before(self) -> Decimal | None:
        """The previous value."""
        return exact(self.previous)

    @property
    def difference(self) -> Decimal | None:
        """How much it changed; None unless both values are known."""
        if self.now is None or self.before is None:
            return None
        return self.now - self.before

    @property
    def percent(self) -> Decimal | None:
        """The change in percent of the previous value; None where that says nothing: from zero or below."""
        if self.difference is None or self.before is None or self.before <= 0:
            return None
        return self.difference * 100 / self.before


@dataclass(frozen=True, slots=True)
class Kpi:
    """A labelled figure, and whether more of it is better."""

    label: str
    figure: Figure
    better: Better = Better.NEITHER

    @property
    def shown(self) -> str:
        """The value with its unit: `1,234`, `14.5 days`, `62.5 %`; a dash for none."""
        return shown(self.figure.now, self.figure.unit)

    @property
    def change(self) -> str:
        """The change in words and with its sign: `+12 % against the previous period`."""
        figure = self.figure
        if figure.now is None:
            return "no figure for this period"
        if figure.difference is None:
            return "no figure before"
        if not figure.difference:
            return f"unchanged against {_PREVIOUS}"
        amount = _amount(figure)
        if amount is None:
            return f"from {shown(figure.before, figure.unit)} in {_PREVIOUS}"
        return f"{amount} against {_PREVIOUS}"

    @property
    def tone(self) -> Tone:
        """Whether the change is good; neutral where there is none or neither way is better."""
        difference = self.figure.difference
        if not difference or self.better is Better.NEITHER:
            return Tone.NEUTRAL
        return Tone.GOOD if (difference > 0) == (self.better is Better.HIGHER) else Tone.BAD


def _amount(figure: Figure) -> str | None:
    """Return the change as its unit has it; None where only the previous value can be named."""
    difference = figure.difference or Decimal(0)
    if figure.unit is Unit.PERCENT:
        points = grouped(difference * 100, 1)
        return _or_less(f"{points} {'point' if is_one(points) else 'points'}", difference, "0.1 points")
    if figure.unit is Unit.DAYS:
        return _or_less(shown(difference, Unit.DAYS), difference, "0.1 days")
    if figure.percent is None or abs(figure.percent) >= _MOST_PERCENT:
        return None
    return _or_less(f"{grouped(figure.percent, 0)} %", difference, "1 %")


def _or_less(text: str, difference: Decimal, least: str) -> str:
    """Return a signed change, or `up by less than 1 %` where it would be rounded to nothing."""
    if text.split(" ")[0] == "0":
        return f"{'up' if difference > 0 else 'down'} by less than {least}"
    return signed(text)
