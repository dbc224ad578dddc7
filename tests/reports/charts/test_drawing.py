"""Text cut to its room, and how wide text is taken to be."""

import pytest
from jinja2 import Environment

from portal.exporters.pdf_fonts import REGULAR, Fonts
from portal.reports.charts.bars import bar_chart
from portal.reports.charts.drawing import cut
from portal.reports.charts.look import PageLook
from portal.reports.charts.widths import text_width
from tests.reports.charts.shared import CATEGORIES


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("Harassment", 10, "Harassment"),
        ("Harassment", 9, "Harassme…"),
        ("Conflict of interest", 10, "Conflict…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("ab\u200dcd", 3, "a…"),
        ("Fraud", 1, "…"),
        ("Fraud", 0, "…"),
    ],
)
def test_it_cuts_between_letters(text: str, room: int, expected: str) -> None:
    assert cut(text, room, len) == expected


@pytest.mark.parametrize("text", ["Harassment", "1,234.5 %", "Überprüfung", "naïve"])
def test_a_page_takes_text_for_as_wide_as_noto_sans(text: str) -> None:
    assert text_width(text, 12) == pytest.approx(Fonts(REGULAR).width(text, 12), rel=0.06)


@pytest.mark.parametrize(("text", "width"), [("中文", 24.0), ("e\u0301", 6.77), ("", 0.0)])
def test_wide_letters_are_wide_and_marks_take_no_room(text: str, width: float) -> None:
    assert text_width(text, 12) == pytest.approx(width, abs=0.1)


def test_a_template_writes_a_picture_as_it_is() -> None:
    picture = bar_chart(CATEGORIES, PageLook())
    template = Environment(autoescape=True).from_string("<p>{{ picture }}</p>")
    assert template.render(picture=picture) == f"<p>{picture.svg}</p>"
