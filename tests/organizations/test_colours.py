"""Colours: read, measured as WCAG 2.2 does, and darkened until text in them can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import InvalidInput
from portal.organizations.colours import (
    DARK_INK,
    WHITE,
    contrast,
    darkened,
    ink_on,
    is_readable,
    parse_colour,
    readable_colour,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("text", "colour"), [("#0b6075", "#0b6075"), (" #0B6075 ", "#0b6075"), ("#FFFFFF", "#ffffff")]
)
def test_it_reads_a_colour(text: str, colour: str) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0b6075",
        "#0b607",
        "#0b60755",
        "#xyzxyz",
        "teal",
        "rgb(0,0,0)",
        "#0b6075;}",
        "#\u0660\u0660\u0660\u0660\u0660\u0660",
    ],
)
def test_it_refuses_what_is_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a colour such as #0b6075") as refused:
        parse_colour(text)
    assert refused.value.field == "colour"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        # Widely quoted as the lightest grey that passes on white, and the one after it.
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#ffffff", "#008000", 5.14),
    ],
)
def test_it_measures_contrast(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize(
    ("ground", "ink"), [("#0b6075", WHITE), ("#000000", WHITE), ("#ffcc00", DARK_INK), ("#ffffff", DARK_INK)]
)
def test_it_chooses_the_ink(ground: str, ink: str) -> None:
    assert ink_on(ground) == ink


@pytest.mark.parametrize(
    ("colour", "darker"), [("#ff8800", "#b56000"), ("#ffffff", "#767676"), ("#0b6075", "#0b6075")]
)
def test_it_offers_the_nearest_darker_colour(colour: str, darker: str) -> None:
    assert darkened(colour) == darker


@given(COLOURS)
def test_what_it_offers_can_be_read_and_is_never_lighter(colour: str) -> None:
    darker = darkened(colour)
    assert is_readable(darker)
    assert contrast(darker, WHITE) >= contrast(colour, WHITE)
    assert (darker == colour) == is_readable(colour)
    assert ink_on(darker) == WHITE


def test_it_says_the_contrast_and_what_would_do() -> None:
    with pytest.raises(InvalidInput) as refused:
        readable_colour("#777777")

    assert str(refused.value) == (
        "#777777 is too light: its contrast with white is 4.47:1, and text needs 4.5:1."
        " The nearest darker colour that has it is #767676."
    )
    assert refused.value.field == "colour"
    assert readable_colour("#767676") == "#767676"
