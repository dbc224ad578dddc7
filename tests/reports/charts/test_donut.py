"""The geometry of rings."""

import re
from math import atan2, pi

import pytest

from portal.reports.charts.data import Chart, Series
from portal.reports.charts.donut import donut_chart
from portal.reports.charts.look import PageLook
from tests.reports.charts.shared import CHANNELS, EVERY
from tests.reports.charts.svg import SVG, Drawn

PAGE = PageLook()


def turns(drawn: Drawn) -> list[float]:
    """Return how much of a turn each slice is, by its two outer arcs."""
    found = []
    for path in drawn.root.iter(f"{SVG}path"):
        if not path.attrib["d"].endswith("Z"):
            continue
        numbers = list(map(float, re.findall(r"-?\d+\.\d+", path.attrib["d"])))
        begin, middle = (numbers[0], numbers[1]), (numbers[4], numbers[5])
        x, y = drawn_centre(drawn)
        angle = (atan2(middle[1] - y, middle[0] - x) - atan2(begin[1] - y, begin[0] - x)) % (2 * pi)
        found.append(2 * angle / (2 * pi))
    return found


def drawn_centre(drawn: Drawn) -> tuple[float, float]:
    total = drawn.box_of("total")
    return (total.left + total.right) / 2, 88


def test_slices_are_as_long_as_their_shares() -> None:
    drawn = Drawn(donut_chart(CHANNELS, PAGE))
    assert turns(drawn) == pytest.approx([0.6, 0.25, 0.149, 0.001], abs=0.002)


def test_each_slice_is_listed_with_its_figure_and_share() -> None:
    drawn = Drawn(donut_chart(CHANNELS, PAGE))
    listed = drawn.texts[drawn.texts.index("Web form") :]
    assert listed == [
        *("Web form", "600", "60 %"),
        *("Hotline", "250", "25 %"),
        *("E-mail", "149", "15 %"),
        *("Letter", "1", "<1 %"),
    ]
    assert drawn.texts[:5] == ["60 %", "25 %", "15 %", "1,000", "total"]
    assert (
        drawn.words
        == "Web form 600 (60 %), Hotline 250 (25 %), E-mail 149 (15 %), Letter 1 (<1 %). Total 1,000."
    )


def test_the_only_slice_goes_all_the_way_round() -> None:
    drawn = Drawn(donut_chart(EVERY["ring of one"][1], PAGE))
    assert turns(drawn) == pytest.approx([1.0], abs=0.002)
    assert drawn.paths("surface") == []


def test_of_nothing_there_is_an_empty_ring() -> None:
    drawn = Drawn(donut_chart(EVERY["ring of nothing"][1], PAGE))
    assert drawn.texts == ["0", "total", "A", "0", "0 %", "B", "–"]
    assert drawn.words == "A 0 (0 %), B no figure. Total 0."


def test_beyond_six_slices_the_smallest_are_summed() -> None:
    chart = Chart("Many", list("ABCDEFGH"), [Series("n", [8, 7, 6, 5, 4, 3, 2, 1])])
    drawn = Drawn(donut_chart(chart, PAGE))
    assert drawn.texts[-4:-1] == ["Other (3)", "6", "17 %"]
    assert drawn.texts[-1] == "The 3 smallest of 8 categories are summed as Other."
    assert len(turns(drawn)) == 6


def test_shares_below_zero_are_refused_in_words() -> None:
    drawn = Drawn(donut_chart(EVERY["ring below zero"][1], PAGE))
    assert drawn.texts == ["Shares can't be drawn: a value is below zero."]
