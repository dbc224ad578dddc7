"""The title block and the footer stay on the paper, whatever is written there."""

import html
import re
import shutil
import subprocess
from typing import NamedTuple

import pytest

from portal.exporters.as_pdf import PdfExporter
from portal.exporters.base import Document
from portal.exporters.pdf_fonts import cjk_font
from portal.exporters.pdf_layout import MARGIN
from portal.table import Column
from tests.exporters.shared import DOCUMENT, export

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
needs_cjk_font = pytest.mark.skipif(cjk_font() is None, reason="no font for Chinese, Japanese and Korean")

WORDS = "Quarterly report on supplier reviews and their outcomes " * 3
URL = "https://reports.example/" + "0123456789" * 24
CHINESE = "供应商季度审查报告及其结果总览数据导出门户网站组织" * 6
HEBREW = "דוח רבעוני על סקירות ספקים ותוצאותיהן " * 5

_PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">')
_WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)<')


class Word(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str


def words_on(page: str) -> list[Word]:
    return [
        Word(float(left), float(top), float(right), float(bottom), html.unescape(text))
        for left, top, right, bottom, text in _WORD.findall(page)
    ]


def boxes(document: Document) -> list[tuple[float, float, list[Word]]]:
    """Make the PDF; return width, height and words of each page, in points."""
    data, _ = export(PdfExporter(), [Column("a", "A")], [["x"]], document)
    done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=data, capture_output=True, check=True)
    _, *parts = _PAGE.split(done.stdout.decode())
    return [
        (float(width), float(height), words_on(page))
        for width, height, page in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


@pytest.mark.parametrize(
    "text",
    [WORDS, URL, HEBREW, pytest.param(CHINESE, marks=needs_cjk_font)],
    ids=["words", "URL", "Hebrew", "Chinese"],
)
def test_it_breaks_long_texts_before_the_margin(text: str) -> None:
    facts = ((text, "label"), ("value", text))
    ((width, height, words),) = boxes(Document(text, text, DOCUMENT.generated_at, facts=facts))
    assert min(word.left for word in words) >= MARGIN - 0.1
    assert max(word.right for word in words) <= width - MARGIN + 0.1
    assert max(word.bottom for word in words) < height
    letters = "".join(word.text for word in words)
    for letter in set(text) - {" "}:  # nothing is lost: organization, title, label and value
        assert letters.count(letter) >= 4 * text.count(letter)


def test_it_shows_the_beginning_of_what_is_too_long_for_the_footer() -> None:
    ((_, _, words),) = boxes(Document(WORDS * 2, "Acme Co.", DOCUMENT.generated_at))
    footer = [word for word in words if word.top > words[-1].top - 9]
    line = " ".join(word.text for word in footer)
    assert line.startswith("Acme Co. · Quarterly report")
    assert "… Page 1 of 1" in line


def test_it_lets_a_long_fact_go_on_on_the_next_page() -> None:
    filters = " ".join(f"filter{i}=value" for i in range(2000))
    pages = boxes(Document("Open cases", "", DOCUMENT.generated_at, facts=(("Filters", filters),)))
    assert len(pages) > 1
    shown = [word.text for _, _, words in pages for word in words if word.text.startswith("filter")]
    assert shown == filters.split()
