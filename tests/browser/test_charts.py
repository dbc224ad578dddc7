"""Charts of a page in a browser: colours follow the theme, no text is cut off, each is said in words."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.reports.charts.look import NARROW, WIDE
from portal.resources import resource_root
from tests.browser.test_accessibility import RULES
from tests.reports.charts.shared import EVERY

pytestmark = pytest.mark.browser

ACCENT = {"light": "rgb(11, 96, 117)", "dark": "rgb(108, 195, 213)"}

# Texts that reach beyond their drawing, or that meet: the boxes of letters are higher than the letters.
FAULTS = """() => [...document.querySelectorAll("svg.plot")].flatMap(svg => {
  const whole = svg.getBoundingClientRect();
  if (!whole.width) return [];
  const texts = [...svg.querySelectorAll("text")];
  const boxes = texts.map(text => [text.textContent, text.getBoundingClientRect()]);
  const outside = boxes.filter(([, box]) => box.left < whole.left - 1 || box.right > whole.right + 1);
  const meet = boxes.filter(([, one], i) => boxes.slice(i + 1).some(([, other]) =>
    one.left < other.right && other.left < one.right
    && one.top + 4 < other.bottom && other.top + 4 < one.bottom));
  return [...outside, ...meet].map(([text]) => text);
})"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A page with every chart, wide and narrow."""
    folder = resource_root() / "static/css"
    styles = "".join((folder / name).read_text() for name in ("tokens.css", "charts.css"))
    charts = "".join(
        f"<div class='plots'>{draw(chart, WIDE).svg}{draw(chart, NARROW).svg}</div>"
        for draw, chart in EVERY.values()
    )
    page = tmp_path / "charts.html"
    page.write_text(
        '<!DOCTYPE html><html lang="en" data-bs-theme="light"><meta charset="utf-8"><title>Charts</title>'
        f"<style>{styles} body {{ background: var(--surface) }}</style>{charts}</html>"
    )
    return page


@pytest.mark.parametrize(("screen", "width"), [(640, 560), (360, 320)])
def test_every_chart_is_legible_and_heard_in_both_themes(
    page: Page, sheet: Path, screen: int, width: int
) -> None:
    page.set_viewport_size({"width": screen, "height": 800})
    page.goto(sheet.as_uri())
    assert page.evaluate(FAULTS) == []
    shown = page.get_by_role("img", name="Cases by category")
    expect(shown).to_have_attribute("viewBox", f"0 0 {width} 84")
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    heard = [(node["name"]["value"], node["description"]["value"]) for node in tree if "description" in node]
    assert ("Cases by category", "Fraud 31, Harassment 1,252, Theft 0.") in heard
    assert len(heard) == len(EVERY)
    for theme, colour in ACCENT.items():
        page.locator("html").evaluate("(html, theme) => { html.dataset.bsTheme = theme }", theme)
        expect(shown.locator("rect.fill-series-1").first).to_have_css("fill", colour)
        assert Axe().run(page, options=RULES).violations_count == 0, theme
