"""The barrier behind the escaping of text: even markup in a title block fetches, reads and starts nothing."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from reportlab.platypus import Spacer
from xhtml2pdf.config.resources import RenderLimitError
from xhtml2pdf.files import getFile

from portal.exporters.pdf_fonts import BOLD, REGULAR, Fonts
from portal.exporters.pdf_job import PdfColumn, PdfJob
from portal.exporters.pdf_layout import Page
from portal.exporters.pdf_shell import Shell

NOBODY = "http://127.0.0.1:9"

# Each of these reaches for something when nothing confines it, as the last test shows.
REMOTE = {
    "image": f'<img src="{NOBODY}/a.png">',
    "style sheet": f'<link rel="stylesheet" href="{NOBODY}/a.css">',
    "import": f"<style>@import url({NOBODY}/a.css);</style>",
    "font": f"<style>@font-face {{ font-family: X; src: url({NOBODY}/a.ttf) }}</style>",
    "background": f'<div style="background-image: url({NOBODY}/a.png)">x</div>',
    "HTTPS": f'<img src="{NOBODY.replace("http", "https")}/a.png">',
    "import of a data URL": f'<link rel="stylesheet" href="data:text/css,@import url({NOBODY}/a.css);">',
}
LOCAL = {
    "image": '<img src="{secret}">',
    "relative image": '<img src="secret.svg">',
    "file URL": '<img src="file://{secret}">',
    "style sheet": '<link rel="stylesheet" href="{secret}">',
    "import": "<style>@import url({secret});</style>",
    "background": '<div style="background-image: url({secret})">x</div>',
    "font": "<style>@font-face { font-family: X; src: url({secret}) }</style>",
    "import of a data URL": '<link rel="stylesheet" href="data:text/css,@import url({secret});">',
}


def reached(policy: str, markups: list[str], folder: Path) -> list[list[str]]:
    """Return what each markup made the shell do that an audit hook hears of; `folder` is the current one."""
    (folder / "secret.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    done = subprocess.run(
        [sys.executable, "-m", "tests.exporters.pdf_probe", policy, str(folder)],
        input=json.dumps([markup.replace("{secret}", str(folder / "secret.svg")) for markup in markups]),
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    events: list[list[str]] = json.loads(done.stdout)
    return events


@pytest.mark.parametrize("markups", [REMOTE, LOCAL], ids=["remote", "local"])
def test_even_markup_reaches_nothing(markups: dict[str, str], tmp_path: Path) -> None:
    events = reached("confined", list(markups.values()), tmp_path)

    assert dict(zip(markups, events, strict=True)) == {name: [] for name in markups}


@pytest.mark.parametrize(
    ("markups", "event"), [(REMOTE, "socket.connect"), (LOCAL, "open")], ids=["remote", "local"]
)
def test_the_same_markup_reaches_out_when_nothing_confines_it(
    markups: dict[str, str], event: str, tmp_path: Path
) -> None:
    events = reached("unconfined", list(markups.values()), tmp_path)

    assert {name for name, heard in zip(markups, events, strict=True) if event in heard} == set(markups)


class Fetching(Spacer):
    """Something on the page that looks for its content when it is drawn, as images of xhtml2pdf may."""

    def __init__(self, where: str) -> None:
        super().__init__(1, 1)
        self._where = where
        self.found: bytes | None = b"not yet drawn"

    def draw(self) -> None:
        self.found = getFile(self._where).getData()


def shell(cpu_seconds: int = 60) -> Shell:
    job = PdfJob("Cases", "Acme", [], [PdfColumn("A", False, True)], 2**30, cpu_seconds)
    return Shell(job, Page("A4", 842, 595, [770]), Fonts(REGULAR), Fonts(BOLD))


def test_nothing_is_read_while_pages_are_drawn_either(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("what only the server may read")
    assert getFile(str(secret)).getData() == secret.read_bytes(), "outside of a document all may be read"
    flowable = Fetching(str(secret))

    shell().build(flowable, io.BytesIO())

    assert flowable.found is None


def test_a_title_block_may_not_take_longer_than_the_whole_job() -> None:
    with pytest.raises(RenderLimitError):
        shell(cpu_seconds=0).build(Spacer(1, 1), io.BytesIO())
