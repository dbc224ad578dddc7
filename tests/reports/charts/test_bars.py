"""The geometry of bars, plain and stacked."""

import pytest

from portal.reports.charts.bars import bar_chart, stacked_chart
from portal.reports.charts.data import Chart, Series
from portal.reports.charts.look import PageLook
from portal.reports.numbers import Unit
from tests.reports.charts.shared import CATEGORIES, EVERY, SEVERITIES
from tests.reports.charts.svg import Drawn

PAGE = PageLook()


def test_bars_begin_at_zero_and_are_as_long_as_their_values() -> None:
    drawn = Drawn(bar_chart(CATEGORIES, PAGE))
    fraud, harassment = drawn.rects("series-1")  # a bar of nothing is none
    assert fraud.left == harassment.left
    ratio = (harassment.right - harassment.left) / (fraud.right - fraud.left)
    assert ratio == pytest.approx(1252 / 31, rel=0.01)
    assert drawn.texts == ["Fraud", "31", "Harassment", "1,252", "Theft", "0"]
    assert drawn.words == "Fraud 31, Harassment 1,252, Theft 0."


def test_values_below_zero_go_left_of_it() -> None:
    drawn = Drawn(bar_chart(EVERY["bars below zero"][1], PAGE))
    up, down = drawn.rects("series-1")
    assert down.right == pytest.approx(up.left, abs=0.11)
    ratio = (up.right - up.left) / (down.right - down.left)
    assert ratio == pytest.approx(1234 / 987, rel=0.01)
    assert drawn.box_of("−987").right < down.left
    assert drawn.box_of("1,234").left > up.right
    assert drawn.words == "Up 1,234, Down −987, ? no figure."


def test_one_among_thousands_is_still_seen() -> None:
    chart = Chart("Rare", ["Common", "Rare"], [Series("n", [100_000, 1])])
    rare = Drawn(bar_chart(chart, PAGE)).rects("series-1")[1]
    assert rare.right - rare.left == pytest.approx(1)


def test_the_rest_is_neutral_and_said() -> None:
    drawn = Drawn(bar_chart(EVERY["too many bars"][1], PAGE))
    assert len(drawn.rects("series-1")) == 19
    assert len(drawn.rects("series-2")) == 1
    note = "The 21 smallest of 40 categories are summed as Other."
    assert drawn.texts[-3:] == ["Other (21)", "210", note]
    assert drawn.words.endswith(note)


def test_parts_of_a_stack_lie_side_by_side_in_the_order_of_the_legend() -> None:
    drawn = Drawn(stacked_chart(SEVERITIES, PAGE))
    assert drawn.texts[:3] == ["High", "Medium", "Low"]
    parts = [drawn.rects(f"series-{n}")[1] for n in (1, 2, 3)]  # the first is the legend's
    assert [part.right + 1 for part in parts[:2]] == pytest.approx(
        [part.left for part in parts[1:]], abs=0.11
    )
    lengths = [part.right - part.left + 1 for part in parts]
    assert lengths[1] / lengths[0] == pytest.approx(61 / 22, rel=0.02)
    assert lengths[2] / lengths[0] == pytest.approx(48 / 22, rel=0.02)


def test_a_stack_has_its_values_within_and_its_total_behind() -> None:
    drawn = Drawn(stacked_chart(SEVERITIES, PAGE))
    low = drawn.rects("series-3")[1]
    assert low.left < drawn.box_of("48").left < drawn.box_of("48").right < low.right
    assert drawn.box_of("131").left > low.right
    assert "Sales: High 31, Medium 55, Low no figure" in drawn.titles
    assert drawn.words.startswith("Manufacturing: High 22, Medium 61, Low 48. Sales:")


def test_a_part_too_short_for_its_value_has_none() -> None:
    chart = Chart("Short", ["A"], [Series("Much", [990]), Series("Little", [10])])
    texts = Drawn(stacked_chart(chart, PAGE)).texts
    assert "990" in texts
    assert "10" not in texts


def test_the_axis_of_a_stack_has_round_whole_numbers_from_zero() -> None:
    assert Drawn(stacked_chart(SEVERITIES, PAGE)).texts[3:6] == ["0", "50", "100"]


def test_totals_of_medians_are_not_shown() -> None:
    chart = Chart("Days", ["A"], [Series("Open", [100]), Series("Closed", [33])], Unit.DAYS)
    assert "133" not in Drawn(stacked_chart(chart, PAGE)).texts


def test_what_is_below_zero_in_a_stack_goes_left() -> None:
    drawn = Drawn(stacked_chart(EVERY["stacks below zero"][1], PAGE))
    come, gone = drawn.rects("series-1")[1], drawn.rects("series-2")[1]
    assert gone.right < come.left
    assert (gone.right - gone.left + 1) / (come.right - come.left + 1) == pytest.approx(14, rel=0.05)
