import pytest

from portal.exporters.pdf_fonts import CJK, REGULAR, Fonts, cjk_font

needs_cjk_font = pytest.mark.skipif(cjk_font() is None, reason="no font for Chinese, Japanese and Korean")


def names(fonts: Fonts, text: str) -> list[str]:
    runs = fonts.runs(fonts.printable(text))
    assert "".join(run.text for run in runs) == text
    return [run.font for run in runs]


@pytest.mark.parametrize(
    ("text", "fonts"),
    [("abc Ω Ж", ["NotoSans"]), ("abc ไทย", ["NotoSans", "FiraGO"]), ("ok ░", ["NotoSans", "CascadiaMono"])],
)
def test_it_draws_a_run_a_font(text: str, fonts: list[str]) -> None:
    assert names(Fonts(REGULAR), text) == fonts


@needs_cjk_font
@pytest.mark.parametrize("text", ["中文", "漢字かな", "カタカナ", "한국어", "「全角」"])
def test_it_draws_east_asian_text_with_an_installed_font(text: str) -> None:
    fonts = Fonts(REGULAR, cjk_font())
    assert names(fonts, text) == [CJK]
    assert fonts.unknown == 0


def test_it_shows_the_codes_of_east_asian_text_where_no_font_is_installed() -> None:
    fonts = Fonts(REGULAR)
    assert fonts.printable("中文 ok") == "[U+4E2D][U+6587] ok"
    assert fonts.unknown == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\ufe0fb\u200d", "ab"),  # a variation selector and a joiner
        ("a\u0331b", "a\u0331b"),
        ("a\U000e0100b", "ab"),
        ("\U0001f642 [U+1F642]", "[U+1F642] [U+1F642]"),
        ("\x07", "[U+0007]"),
        ("x⑳ ①", "x[U+2473] [U+2460]"),  # NFKC would make x20 of it, a false number
        ("9 ㎡", "9 [U+33A1]"),
        ("a\u1885", "a[U+1885]"),  # a combining mark of Mongolian, which no font of ours has
    ],
)
def test_it_drops_nothing_but_what_is_invisible(text: str, shown: str) -> None:
    assert Fonts(REGULAR).printable(text) == shown


def test_it_counts_texts_that_hold_what_no_font_has() -> None:
    fonts = Fonts(REGULAR)
    for text in ("\U0001f642\U0001f642", "\U0001f642", "says [U+1F642]"):
        fonts.printable(text)
    assert fonts.unknown == 2
