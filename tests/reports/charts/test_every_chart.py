"""What holds for every chart in every size, on screen and on paper."""

import re

import pytest

from portal.reports.charts.bars import bar_chart
from portal.reports.charts.data import Chart, Series
from portal.reports.charts.donut import donut_chart
from portal.reports.charts.drawing import EMPTY
from portal.reports.charts.look import Look, PageLook
from portal.reports.charts.print_look import PrintLook
from portal.resources import resource_root
from tests.reports.charts.shared import EVERY, LONG, SEVERITIES, Draw
from tests.reports.charts.svg import SVG, Drawn

LOOKS = {
    "page": PageLook(),
    "phone": PageLook(320),
    "wide page": PageLook(1100),
    "print": PrintLook(),
    "half a sheet": PrintLook(250),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize(("draw", "chart"), EVERY.values(), ids=EVERY)
def test_nothing_overlaps_or_lies_outside(draw: Draw, chart: Chart, look: Look) -> None:
    Drawn(draw(chart, look)).assert_sound()


@pytest.mark.parametrize(("draw", "chart"), EVERY.values(), ids=EVERY)
def test_a_page_gets_classes_that_the_style_sheet_knows_and_no_style(draw: Draw, chart: Chart) -> None:
    sheet = (resource_root() / "static/css/charts.css").read_text()
    svg = draw(chart, PageLook()).svg
    classes = {name for names in re.findall('class="([^"]*)"', svg) for name in names.split()}
    assert {name for name in classes - {"plot"} if f".plot .{name} {{" not in sheet} == set()
    assert not re.search(r" style=|<style|<script|#[0-9a-f]{3,6}\b|font-family", svg)


@pytest.mark.parametrize(("draw", "chart"), EVERY.values(), ids=EVERY)
def test_paper_gets_literal_colours_and_fonts(draw: Draw, chart: Chart) -> None:
    drawn = Drawn(draw(chart, PrintLook()))
    for element in drawn.root.iter():
        assert "class" not in element.attrib
        assert re.fullmatch("#[0-9a-f]{3,6}|none", element.get("fill", "none"))
    assert all(text.get("font-family") for text in drawn.root.iter(f"{SVG}text"))
    assert drawn.titles == []  # paper has no pointer, and each mark costs svglib time


@pytest.mark.parametrize("name", ["no categories", "no figures"])
def test_without_data_it_says_so(name: str) -> None:
    draw, chart = EVERY[name]
    drawn = Drawn(draw(chart, PageLook()))
    assert drawn.texts == [EMPTY] == ["No data in this period."]
    assert drawn.title == "Empty"


def test_odd_names_are_escaped_cut_and_given_whole_in_a_title() -> None:
    draw, chart = EVERY["bars of odd names"]
    drawn = Drawn(draw(chart, PageLook()))
    assert drawn.title == "Odd & <odd>"
    assert drawn.titles[0] == f"{LONG}: 5"
    assert drawn.texts[0].endswith("…")
    assert LONG.startswith(drawn.texts[0][:-1])
    assert drawn.texts[6:10:2] == ["(blank)", "a\ufffdb\ufffdc"]


def test_a_chart_needs_series() -> None:
    with pytest.raises(ValueError, match="at least one series"):
        Chart("Bad", ["A"], [])


def test_a_series_needs_a_value_for_each_category() -> None:
    with pytest.raises(ValueError, match="“Short” has not one value for each category"):
        Chart("Bad", ["A", "B"], [Series("Short", [1])])


@pytest.mark.parametrize("draw", [bar_chart, donut_chart])
def test_bars_and_rings_have_one_series(draw: Draw) -> None:
    with pytest.raises(ValueError, match="one series"):
        draw(SEVERITIES, PageLook())


def test_the_sheet_uses_tokens_only() -> None:
    sheet = (resource_root() / "static/css/charts.css").read_text()
    assert not re.search("#[0-9a-f]{3}", sheet)
