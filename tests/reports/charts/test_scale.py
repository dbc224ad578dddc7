"""Ticks, labels that give way, and labels left out."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.reports.charts.scale import Scale, spread, thinned, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 93, "0 50 100"),
        (0, 100, "0 50 100"),
        (0, 7, "0 2 4 6 8"),
        (0, 4, "0 1 2 3 4"),
        (0, 1, "0 1"),
        (0, 0, "0 1"),
        (58, 61, "0 20 40 60 80"),
        (-12, 30, "-20 0 20 40"),
        (-8, -3, "-8 -6 -4 -2 0"),
        (0, 98_765, "0 50000 100000"),
    ],
)
def test_counts_have_round_whole_ticks_from_zero(low: float, high: float, expected: str) -> None:
    assert ticks(low, high, whole=True) == [Decimal(tick) for tick in expected.split()]


def test_fractions_have_ticks_without_the_errors_of_floats() -> None:
    assert list(map(str, ticks(0, 0.62))) == ["0.0", "0.2", "0.4", "0.6", "0.8"]


@given(
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.booleans(),
)
def test_ticks_enclose_what_they_measure_and_zero(one: float, other: float, whole: bool) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, whole=whole)
    assert found[0] <= Decimal(repr(low))
    assert found[-1] >= Decimal(repr(high))
    assert Decimal(0) in found
    assert 2 <= len(found) <= 7
    steps = {after - before for before, after in pairwise(found)}
    assert len(steps) == 1
    assert steps.pop().normalize().as_tuple().digits in ((1,), (2,), (5,))


def test_a_scale_goes_either_way() -> None:
    assert Scale(0, 10, 100, 200).at(5) == 150
    assert Scale(-10, 10, 200, 100).at(Decimal(-10)) == 200


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([10.0, 50.0], [10, 50]),
        ([10.0, 15.0], [10, 20]),
        ([15.0, 10.0], [20, 10]),
        ([98.0, 97.0, 99.0], [90, 80, 100]),
        ([-20.0, 300.0], [0, 100]),
        ([], []),
    ],
)
def test_labels_give_way_in_their_order(wanted: list[float], expected: list[float]) -> None:
    assert spread(wanted, 10, 0, 100) == expected


@pytest.mark.parametrize(
    ("count", "slot", "expected"),
    [
        (4, 60.0, [0, 1, 2, 3]),
        (4, 59.0, [1, 3]),
        (12, 21.0, [2, 5, 8, 11]),
        (36, 10.0, [5, 11, 17, 23, 29, 35]),
        (36, 2.0, [5, 35]),
        (1, 400.0, [0]),
        (0, 1.0, []),
    ],
)
def test_of_many_months_some_are_named_and_always_the_last(
    count: int, slot: float, expected: list[int]
) -> None:
    assert thinned([50.0] * count, slot, 10) == expected
