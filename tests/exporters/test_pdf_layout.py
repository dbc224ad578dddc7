import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts
from portal.exporters.pdf_job import PdfColumn
from portal.exporters.pdf_layout import MARGIN, TextWrapper, fit

FONTS = Fonts(REGULAR)
BODY, HEAD = TextWrapper(FONTS), TextWrapper(Fonts(BOLD))


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.floats(30, 300))
def test_it_never_makes_a_line_wider_than_its_room(text: str, room: float) -> None:
    for line in BODY.lines(text, room):
        assert BODY.width(line) <= room + 0.01 or len(line) == 1


@given(st.lists(st.text("abcW.-", min_size=1, max_size=40), min_size=1, max_size=12))
def test_it_loses_no_character(words: list[str]) -> None:
    assert "".join(BODY.lines(" ".join(words), 60)).replace(" ", "") == "".join(words)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_it_keeps_line_ends(end: str) -> None:
    assert BODY.lines(f"a{end}{end}b", 100) == ["a", "", "b"]


def columns_of(count: int, *, wraps: bool = True) -> list[PdfColumn]:
    return [PdfColumn(f"Label {i}", numeric=not wraps, wraps=wraps) for i in range(count)]


@pytest.mark.parametrize(("count", "page"), [(1, "A4"), (10, "A4"), (13, "A3"), (20, "A2"), (40, "A0")])
def test_it_takes_the_smallest_page_that_fits(count: int, page: str) -> None:
    sample = [["some words to wrap in here"] * count]
    fitted = fit(columns_of(count), sample, BODY, HEAD)
    assert fitted.name == page
    assert sum(fitted.columns) == pytest.approx(fitted.width - 2 * MARGIN)


def test_it_makes_a_page_beyond_a0_as_wide_as_it_must_be() -> None:
    fitted = fit(columns_of(60), [["some words to wrap in here"] * 60], BODY, HEAD)
    assert fitted.name == f"{fitted.width / 72 * 2.54:.0f} cm wide"
    assert fitted.width > 3370


def test_it_gives_numbers_the_room_they_need() -> None:
    columns = [PdfColumn("N", numeric=True, wraps=False), *columns_of(9)]
    fitted = fit(columns, [["123,456,789.00", *["words " * 30] * 9]], BODY, HEAD)
    assert fitted.columns[0] > BODY.width("123,456,789.00")
