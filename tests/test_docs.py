"""What the documents say is so."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.config import Settings
from portal.runs.oversight import PATIENCE

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs/deployment.md").read_text()))
    assert {str(found.alias) for found in Settings.model_fields.values()} <= documented


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_command_is_named_in_the_readme_or_changelog() -> None:
    named = (ROOT / "README.md").read_text() + (ROOT / "CHANGELOG.md").read_text()
    for command in main.commands:
        assert command in named, command


def test_the_readmes_example_prints_the_right_instants() -> None:
    example = re.search(r"^portal (next-runs .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert example is not None

    result = CliRunner().invoke(main, shlex.split(example[1]))

    assert result.output.splitlines() == ["2025-03-09T07:30:00Z", "2025-03-10T06:30:00Z"]


def test_the_unit_lets_a_worker_finish_and_data_lie_where_it_may_write() -> None:
    unit = re.search(
        r"^```ini$(.*?)^```$", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert unit is not None
    parser = ConfigParser(interpolation=None)
    parser.read_string(unit[1])
    service = parser["Service"]

    grace = Settings.model_fields["worker_grace"].default
    assert int(service["TimeoutStopSec"]) > grace + PATIENCE + 10, (
        "a worker ends by itself before it is killed"
    )
    assert service["WorkingDirectory"] == service["ReadWritePaths"], "PORTAL_DATA_DIR is relative to it"
