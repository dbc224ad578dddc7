"""Charts in a PDF, as xhtml2pdf lays them out: text stays text, in every script, at its size."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from xhtml2pdf import pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

from portal.exporters.pdf_fonts import cjk_font
from portal.reports.charts.bars import bar_chart
from portal.reports.charts.data import Chart, Series
from portal.reports.charts.drawing import Picture
from portal.reports.charts.look import LABEL
from portal.reports.charts.print_look import PrintLook
from tests.reports.charts.shared import ARABIC, CATEGORIES, CHINESE, EVERY, Draw

HEBREW, SYMBOL = "שלום", "\U0001f642"


def laid_out(*pictures: Picture) -> PdfReader:
    """Return a PDF of A4 pages with half an inch of margin."""
    images = "".join(f'<p><img src="{picture.data_uri()}" /></p>' for picture in pictures)
    out = io.BytesIO()
    policy = ResourceAccessPolicy.server(base_dir=None, allow_remote=False)
    style = "<style>@page { size: 595pt 842pt; margin: 36pt; }</style>"
    done = pisa.CreatePDF(f"{style}<body>{images}</body>", out, resource_policy=policy)
    assert not done.err
    return PdfReader(out)


def fonts_of(reader: PdfReader) -> set[str]:
    """Return the names of all fonts used, without the tags of their subsets."""
    return {
        font.get_object()["/BaseFont"].split("+")[-1]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }


@pytest.mark.parametrize(("draw", "chart"), EVERY.values(), ids=EVERY)
def test_every_chart_becomes_text_and_lines(draw: Draw, chart: Chart) -> None:
    reader = laid_out(draw(chart, PrintLook()))
    assert len(reader.pages[0].images) == 0
    assert len(reader.pages[0].extract_text()) > 2


def test_its_text_can_be_found_and_copied() -> None:
    text = laid_out(bar_chart(CATEGORIES, PrintLook())).pages[0].extract_text()
    assert text.split() == ["Fraud", "31", "Harassment", "1,252", "Theft", "0"]


def test_it_is_as_wide_as_it_was_asked_to_be() -> None:
    """The longest bar's value ends at the right edge, so it begins less than its width before that."""
    places: list[float] = []

    def see(text: str, outer: list[float], inner: list[float], *_: object) -> None:
        places.append(inner[4] * outer[0] + inner[5] * outer[2] + outer[4])

    laid_out(bar_chart(CATEGORIES, PrintLook(400))).pages[0].extract_text(visitor_text=see)
    assert 36 + 400 - 30 < max(places) < 36 + 400


def test_scripts_have_fonts_with_their_letters() -> None:
    chart = Chart("Scripts", [ARABIC, HEBREW, "Ελλάδα"], [Series("n", [3, 2, 1])])
    reader = laid_out(bar_chart(chart, PrintLook()))
    assert any("FiraGO" in font for font in fonts_of(reader))
    text = reader.pages[0].extract_text()
    assert HEBREW[::-1] in text or HEBREW in text
    assert "Ελλάδα" in text


@pytest.mark.skipif(cjk_font() is None, reason="no font for Chinese on this machine")
def test_chinese_is_drawn_where_a_font_has_it() -> None:
    chart = Chart("Scripts", [CHINESE], [Series("n", [3])])
    assert CHINESE in laid_out(bar_chart(chart, PrintLook())).pages[0].extract_text()


def test_what_no_font_has_is_shown_by_its_code() -> None:
    chart = Chart("Signs", [SYMBOL], [Series("n", [3])])
    assert "[U+1F642]" in laid_out(bar_chart(chart, PrintLook())).pages[0].extract_text()


def test_another_process_lays_it_out_with_the_fonts_it_names(tmp_path: Path) -> None:
    """svglib would ask fontconfig for them, and put what it finds in their place."""
    picture = bar_chart(Chart("Scripts", [ARABIC, "Fraud"], [Series("n", [3, 1])]), PrintLook())
    (tmp_path / "chart.svg").write_text(picture.svg)
    program = (
        "import sys; from pathlib import Path; from svglib.fonts import find_font;"
        "from portal.reports.charts.print_look import load_fonts;"
        "load_fonts(Path(sys.argv[1]).read_text());"
        "print(*(find_font(name) for name in ('NotoSans', 'NotoSans-Bold', 'FiraGO')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "chart.svg")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "('NotoSans', True) ('NotoSans-Bold', True) ('FiraGO', True)"


@pytest.mark.skipif(cjk_font() is None, reason="needs a font for Chinese")
def test_a_blank_between_two_fonts_keeps_its_place() -> None:
    """svglib drops blanks at the start of a text, so no text begins with one."""
    look = PrintLook()
    svg = look.text(10, 20, "上海 / Shanghai", LABEL, "start")
    places = re.findall(r' x="([\d.]+)".*?>([^<]*)</text>', svg)

    (first, chinese), (second, latin) = places
    assert (chinese.strip(), latin) == ("上海", "/ Shanghai")
    assert float(second) - float(first) == pytest.approx(look.text_width("上海 ", LABEL), abs=0.1)
