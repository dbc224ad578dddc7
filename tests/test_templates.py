"""Templates: every one compiles, none names a colour or a script inline, pages render StrictUndefined."""

import re
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import StrictUndefined

ROOT = Path(__file__).parent.parent / "templates"
TEMPLATES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
# Mail programs know no style sheets; the PDF shell is never a page.
NOT_PAGES = ("emails", "exports")


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.parts[0] != "exports"], ids=str)
def test_it_compiles(app: Flask, path: Path) -> None:
    app.jinja_env.get_template(path.as_posix())


def test_tests_render_strictly(app: Flask) -> None:
    """An undefined name in any page that a test opens is an error, not an empty place."""
    assert app.jinja_env.undefined is StrictUndefined


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.parts[0] not in NOT_PAGES], ids=str)
def test_it_has_no_inline_style_or_script(path: Path) -> None:
    """The content security policy would drop them without a word."""
    text = re.sub(r"{{.*?}}|{%.*?%}", "", (ROOT / path).read_text(), flags=re.DOTALL)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text, re.IGNORECASE)
    for tag in re.findall(r"<script[^>]*>", text, re.IGNORECASE):
        assert "src=" in tag, tag


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.parts[0] not in NOT_PAGES], ids=str)
def test_every_post_form_carries_a_csrf_token(path: Path) -> None:
    text = (ROOT / path).read_text()
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.IGNORECASE | re.DOTALL):
        exempt = path.as_posix() == "downloads/landing.html"  # the token in the URL is the only authority
        assert exempt or "csrf" in form, form[:120]


def test_no_page_reaches_outside() -> None:
    for path in TEMPLATES:
        text = (ROOT / path).read_text()
        outside = [url for url in re.findall(r"(?:src|href)=\"(https?:)?//[^\"]+", text) if url]
        assert outside == [], path
