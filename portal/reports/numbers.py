"""How a report shows numbers. Only here they are rounded: halves away from zero, as spreadsheets do."""

from decimal import Decimal
from enum import StrEnum

from portal.exporters.pdf_text import round_half_up

Number = int | float | Decimal

NO_FIGURE = "–"
_MINUS = "−"


class Unit(StrEnum):
    """What a number counts. A percentage is a fraction, as in columns of datasets: 0.625 is 62.5 %."""

    COUNT = "count"
    DAYS = "days"
    PERCENT = "percent"
    AMOUNT = "amount"


# Decimals at most; zeros behind the point go, except that an amount has either none or two.
_DECIMALS = {Unit.COUNT: 2, Unit.DAYS: 1, Unit.PERCENT: 1, Unit.AMOUNT: 2}


def exact(value: Number | None) -> Decimal | None:
    """Return the number without loss; None for NaN and infinities, which are no figures."""
    if value is None:
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def grouped(value: Decimal, decimals: int) -> str:
    """Return `value` rounded, digits in groups of three, zeros behind the point dropped: `1,234.5`."""
    text = f"{round_half_up(value, decimals):,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text.replace("-", _MINUS)


def figure(value: Decimal | None, unit: Unit) -> str:
    """Return a value as it stands beside a bar: `1,234`, `14.5`, `62.5 %`; a dash for None."""
    if value is None:
        return NO_FIGURE
    if unit is Unit.PERCENT:
        return f"{grouped(value * 100, _DECIMALS[unit])} %"
    text = grouped(value, _DECIMALS[unit])
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}" if unit is Unit.AMOUNT and decimals else text


def shown(value: Decimal | None, unit: Unit) -> str:
    """Return a value as it stands in a sentence: like `figure`, but `1 day`, `14.5 days`."""
    text = figure(value, unit)
    if unit is Unit.DAYS and value is not None:
        return f"{text} {'day' if is_one(text) else 'days'}"
    return text


def is_one(text: str) -> bool:
    """Whether what is counted stands in the singular behind a number as it is shown."""
    return text.lstrip(_MINUS) == "1"


def share(part: Decimal | int, total: Decimal | int) -> str:
    """Return a share in whole percent; `<1 %` and `>99 %` where that would round to nothing or to all."""
    percent = Decimal(part) * 100 / total if total else Decimal(0)
    if 0 < percent < 1:
        return "<1 %"
    return ">99 %" if 99 < percent < 100 else f"{grouped(percent, 0)} %"


def signed(text: str) -> str:
    """Put a plus before a number as it is shown, unless it is below zero or nothing."""
    return text if text.startswith(_MINUS) or text.split(" ")[0] == "0" else f"+{text}"
