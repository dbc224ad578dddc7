"""Which columns a schedule exports, in which order, and what comes along later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.datasets.columns import ColumnChoice, arranged, places_of
from portal.table import Column

COLUMNS = (
    Column("a", "A"),
    Column("b", "B", tags=frozenset({"PII"})),
    Column("x1", "X1", group="extra"),
    Column("c", "C"),
    Column("x2", "X2", group="extra", tags=frozenset({"SENSITIVE"})),
)


@pytest.mark.parametrize(
    ("choice", "keys"),
    [
        (ColumnChoice(), "a b x1 c x2"),
        (ColumnChoice(("c", "a")), "c a"),
        (ColumnChoice(("c", "gone", "a")), "c a"),
        (ColumnChoice(groups=("extra",)), "x1 x2"),
        (ColumnChoice(("a", "x1", "c"), ("extra",)), "a x1 x2 c"),
        (ColumnChoice(("x2", "a", "x1", "c"), ("extra",)), "x2 a x1 c"),
        (ColumnChoice(("a", "c"), ("extra",)), "a c x1 x2"),
        (ColumnChoice(without=("PII",)), "a x1 c x2"),
        (ColumnChoice(("b", "x2"), without=("PII",)), "x2"),
        (ColumnChoice(groups=("extra",), without=("SENSITIVE", "PII")), "x1"),
    ],
)
def test_it_applies_a_choice_in_order(choice: ColumnChoice, keys: str) -> None:
    assert [column.key for column in choice.applied_to(COLUMNS)] == keys.split()


def test_own_headers_stand_in_place_of_the_datasets() -> None:
    chosen = ColumnChoice(("c", "a"), labels={"c": "Ours", "gone": "Gone"}).applied_to(COLUMNS)

    assert [column.label for column in chosen] == ["Ours", "A"]


def test_it_reads_the_snapshot_of_an_earlier_release() -> None:
    assert ColumnChoice.of({"columns": ["a"]}) == ColumnChoice(("a",))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ({}, "a b c d"),
        ({"d": 1}, "d a b c"),
        ({"a": 3}, "b c a d"),
        ({"d": 1, "c": 2}, "d c a b"),
        ({"c": 1, "b": 1}, "b c a d"),
        ({"a": 99}, "b c d a"),
        ({"a": 4, "b": 4}, "c d a b"),
    ],
)
def test_a_place_puts_a_key_there_and_the_others_stay_around_it(
    places: dict[str, int], expected: str
) -> None:
    assert arranged("abcd", places) == tuple(expected.split())


@given(st.permutations("abcdefgh"))
def test_the_places_of_an_order_give_that_order_again(ordered: list[str]) -> None:
    places = places_of(ordered, "abcdefgh")

    assert arranged("abcdefgh", places) == tuple(ordered)


@pytest.mark.parametrize(
    ("ordered", "places"),
    [("abcd", {}), ("dabc", {"d": 1}), ("bcda", {"a": 4}), ("bacd", {"b": 1})],
)
def test_only_what_was_moved_has_a_place(ordered: str, places: dict[str, int]) -> None:
    assert places_of(ordered, "abcd") == places
