"""Numbers as a report shows them."""

from decimal import Decimal

import pytest

from portal.reports.numbers import Number, Unit, exact, figure, share, shown, signed


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, Unit.COUNT, "0"),
        (1234567, Unit.COUNT, "1,234,567"),
        (-1234, Unit.COUNT, "−1,234"),
        (3.5, Unit.COUNT, "3.5"),
        (0.1 + 0.2, Unit.COUNT, "0.3"),
        (Decimal("-0.001"), Unit.COUNT, "0"),
        (1, Unit.DAYS, "1 day"),
        (0, Unit.DAYS, "0 days"),
        (14.0, Unit.DAYS, "14 days"),
        (14.25, Unit.DAYS, "14.3 days"),
        (1.04, Unit.DAYS, "1 day"),
        (0.625, Unit.PERCENT, "62.5 %"),
        (1, Unit.PERCENT, "100 %"),
        (Decimal("0.0005"), Unit.PERCENT, "0.1 %"),
        (12300, Unit.AMOUNT, "12,300"),
        (Decimal("12300.5"), Unit.AMOUNT, "12,300.50"),
        (Decimal("0.005"), Unit.AMOUNT, "0.01"),
        (10**24, Unit.COUNT, "1,000,000,000,000,000,000,000,000"),
        (None, Unit.DAYS, "–"),
        (float("nan"), Unit.COUNT, "–"),
        (float("-inf"), Unit.COUNT, "–"),
    ],
)
def test_it_shows_a_number_with_its_unit(value: Number | None, unit: Unit, text: str) -> None:
    assert shown(exact(value), unit) == text


def test_beside_a_bar_days_are_only_a_number() -> None:
    assert figure(Decimal(14), Unit.DAYS) == "14"


@pytest.mark.parametrize(
    ("part", "total", "text"),
    [(1, 3, "33 %"), (1, 8, "13 %"), (1, 200, "<1 %"), (199, 200, ">99 %"), (3, 3, "100 %"), (0, 0, "0 %")],
)
def test_a_share_is_never_rounded_to_nothing_or_all(part: int, total: int, text: str) -> None:
    assert share(part, total) == text


@pytest.mark.parametrize(("text", "expected"), [("12", "+12"), ("−12", "−12"), ("0 %", "0 %")])
def test_it_signs_a_number(text: str, expected: str) -> None:
    assert signed(text) == expected
