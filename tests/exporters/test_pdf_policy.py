"""The barrier behind the escaping of text: even markup in a title block fetches, reads and starts nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = "http://127.0.0.1:9"

# Each of these reaches for something when nothing confines it, as the last test shows.
REMOTE = {
    "image": f'<img src="{NOBODY}/a.png">',
    "style sheet": f'<link rel="stylesheet" href="{NOBODY}/a.css">',
    "import": f"<style>@import url({NOBODY}/a.css);</style>",
    "font": f"<style>@font-face {{ font-family: X; src: url({NOBODY}/a.ttf) }}</style>",
}
LOCAL = {
    "image": '<img src="{secret}">',
    "relative image": '<img src="secret.svg">',
    "file URL": '<img src="file://{secret}">',
    "style sheet": '<link rel="stylesheet" href="{secret}">',
    "import": "<style>@import url({secret});</style>",
    "background": '<div style="background-image: url({secret})">x</div>',
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
