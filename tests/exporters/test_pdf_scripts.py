import unicodedata

import pytest

from portal.exporters.pdf_fonts import REGULAR, Fonts
from portal.exporters.pdf_scripts import drawn_order, joined


def test_it_joins_arabic_letters() -> None:
    # beh in its initial, medial and final form, as UnicodeData.txt names them
    assert joined("ببب") == "\ufe91\ufe92\ufe90"
    assert joined("abc") == "abc"


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "لا إله إلا الله", "فارسی گچپژ", "العَرَبِيَّة", "سلام ۱۲۳"])
def test_it_draws_each_arabic_letter_and_mark(text: str) -> None:
    fonts = Fonts(REGULAR)
    shown = fonts.printable(text)
    assert fonts.unknown == 0
    assert sorted(unicodedata.normalize("NFKC", shown)) == sorted(unicodedata.normalize("NFKC", text))
    assert {run.font for run in fonts.runs(shown)} <= {"NotoSans", "FiraGO"}


@pytest.mark.parametrize(
    ("line", "drawn"),
    [
        ("abc 12", "abc 12"),
        ("שלום", "םולש"),
        ("שלום 12.50", "12.50 םולש"),
        ("abc שלום def", "abc םולש def"),
        ("שלום (abc)", "(abc) םולש"),
    ],
)
def test_it_puts_a_line_in_the_order_it_is_drawn_in(line: str, drawn: str) -> None:
    assert drawn_order(line) == drawn
