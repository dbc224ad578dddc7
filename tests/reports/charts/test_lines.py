"""The geometry of lines."""

import re
from itertools import pairwise

import pytest

from portal.reports.charts.data import Chart, Series
from portal.reports.charts.lines import line_chart
from portal.reports.charts.look import PageLook
from portal.reports.charts.print_look import PrintLook
from tests.reports.charts.shared import COURSE, EVERY, months
from tests.reports.charts.svg import SVG, Drawn

PAGE = PageLook()


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_a_line_has_evenly_spaced_points_as_high_as_their_values() -> None:
    drawn = Drawn(line_chart(COURSE, PAGE))
    (opened,) = drawn.paths("series-1")
    found = points(opened)
    assert len(found) == 12
    steps = [after[0] - before[0] for before, after in pairwise(found)]
    assert steps == pytest.approx([steps[0]] * 11, abs=0.11)
    grid = {box.text: (box.top + box.bottom) / 2 for box in drawn.boxes if box.text in ("0", "50", "100")}
    height = (grid["0"] - grid["100"]) / 100
    assert found[0][1] - found[-1][1] == pytest.approx((93 - 61) * height, abs=0.2)


def test_a_gap_parts_the_line() -> None:
    stretches = [len(points(path)) for path in Drawn(line_chart(COURSE, PAGE)).paths("series-2")]
    assert stretches == [5, 5]


def test_a_value_between_gaps_is_a_dot() -> None:
    chart = Chart("Gaps", months(5), [Series("n", [None, 4, None, 7, 8])])
    drawn = Drawn(line_chart(chart, PAGE))
    assert len(list(drawn.root.iter(f"{SVG}circle"))) == 2
    assert len(drawn.paths("series-1")) == 1


def test_each_line_is_named_at_its_end_with_its_last_value() -> None:
    drawn = Drawn(line_chart(COURSE, PAGE))
    opened, closed = drawn.box_of("Opened"), drawn.box_of("Closed")
    assert opened.bottom < closed.top  # 93 and 92 would be written over each other
    assert opened.left == closed.left > points(drawn.paths("series-1")[0])[-1][0]
    assert drawn.box_of("93").bottom == opened.bottom


def test_a_single_line_has_its_last_value_only() -> None:
    drawn = Drawn(line_chart(Chart("Cases", months(2), [Series("Opened", [3, 5])]), PAGE))
    assert "Opened" not in drawn.texts
    assert "5" in drawn.texts


def test_a_line_without_figures_is_named_in_words_only() -> None:
    chart = Chart("Cases", months(2), [Series("Opened", [3, 5]), Series("Closed", [None, None])])
    drawn = Drawn(line_chart(chart, PAGE))
    assert "Closed" not in drawn.texts
    assert drawn.words == (
        "Opened: from 3 in Jan 2023 to 5 in Feb 2023; lowest 3 in Jan 2023, highest 5 in Feb 2023."
        " Closed: no figure."
    )


def test_counts_have_whole_ticks() -> None:
    assert Drawn(line_chart(EVERY["one point"][1], PAGE)).texts[:5] == ["0", "2", "4", "6", "8"]


def test_one_point_is_said_as_one() -> None:
    assert Drawn(line_chart(EVERY["one point"][1], PAGE)).words == "Opened: 7 in Mar 2026."


def test_of_three_years_some_months_are_named_and_the_last() -> None:
    named = [text for text in Drawn(line_chart(EVERY["three years"][1], PAGE)).texts if " 20" in text]
    assert named == ["Jun 2023", "Dec 2023", "Jun 2024", "Dec 2024", "Jun 2025", "Dec 2025"]


def test_under_the_pointer_each_month_has_its_figures_on_a_page_only() -> None:
    assert "Jun 2023: Opened 71, Closed no figure" in Drawn(line_chart(COURSE, PAGE)).titles
    assert "target" not in line_chart(COURSE, PrintLook()).svg


def test_the_scale_has_zero_on_it_below_which_lines_may_go() -> None:
    drawn = Drawn(line_chart(EVERY["lines below zero"][1], PAGE))
    assert drawn.texts[:4] == ["−10", "−5", "0", "5"]


@pytest.mark.parametrize("width", [320, 460, 720])
@pytest.mark.parametrize("cents", [[10**30], [10**30, 10**29]])
def test_figures_of_many_digits_leave_room_for_the_line(width: int, cents: list[int]) -> None:
    chart = Chart("Odd", months(len(cents)), [Series("Cents", cents)])

    drawn = Drawn(line_chart(chart, PageLook(width)))

    dot = next(drawn.root.iter(f"{SVG}circle"))
    assert 0 < float(dot.attrib["cx"]) < width
    for path in drawn.paths("series-1"):
        (first, _), (last, _) = points(path)
        assert 0 < first < last
