"""`portal csv-options`: how a dataset's CSV is written from now on, kept as a version and in the trail."""

from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.cli import main
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.datasets.service import current_version
from portal.exporters.options import CsvOptions
from portal.extensions import db
from tests.conftest import environment

EXCEL_IN_GERMANY = {
    "delimiter": ";",
    "encoding": "windows-1252",
    "line_end": "lf",
    "quoting": "text",
    "decimal_comma": True,
}
FOR_EXCEL_IN_GERMANY = [
    *("--delimiter", "semicolon"),
    *("--encoding", "windows-1252"),
    *("--line-end", "lf"),
    *("--quoting", "text"),
    "--decimal-comma",
]


def csv_options(settings: Settings, *arguments: str) -> Result:
    """Run the command as an operator does, beside the application of the test."""
    db.session.commit()  # what the test holds open would keep the command from writing
    return CliRunner().invoke(main, ["csv-options", *arguments], env=environment(settings))


def kept(dataset: Dataset) -> dict[str, Any] | None:
    return current_version(dataset).csv_options


def entries() -> list[AuditEntry]:
    chosen = AuditEntry.action == "dataset.csv_options"
    return list(db.session.scalars(select(AuditEntry).where(chosen).order_by(AuditEntry.seq)))


def test_it_chooses_from_the_next_run_on_and_says_so(dataset: Dataset, settings: Settings) -> None:
    before = current_version(dataset)

    result = csv_options(settings, "acme", "Cases", *FOR_EXCEL_IN_GERMANY)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Version 2 of “Cases” writes CSV that way.\n"
    assert kept(dataset) == EXCEL_IN_GERMANY
    after = current_version(dataset)
    assert (after.sql, after.columns, after.parameters) == (before.sql, before.columns, before.parameters)
    assert before.csv_options is None, "runs of older versions say by which options they were written"


def test_it_returns_to_the_defaults_when_nothing_is_chosen(dataset: Dataset, settings: Settings) -> None:
    csv_options(settings, "acme", "Cases", *FOR_EXCEL_IN_GERMANY)

    result = csv_options(settings, "acme", "Cases")

    assert result.stdout == "Version 3 of “Cases” writes CSV that way.\n"
    assert kept(dataset) == CsvOptions().to_dict()


def test_it_leaves_a_trail(dataset: Dataset, settings: Settings) -> None:
    csv_options(settings, "acme", "Cases", *FOR_EXCEL_IN_GERMANY)
    csv_options(settings, "acme", "Cases", "--delimiter", "tab")

    first, second = entries()

    assert {entry.actor for entry in (first, second)} == {"system"}, "as of every command"
    assert {entry.target for entry in (first, second)} == {f"dataset:{dataset.public_id}"}
    assert (first.before, first.after) == (CsvOptions().to_dict(), EXCEL_IN_GERMANY)
    assert (second.before, second.after) == (EXCEL_IN_GERMANY, CsvOptions().to_dict() | {"delimiter": "\t"})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ("acme", "Cases", "--delimiter", "comma+space"),
            "Invalid value for '--delimiter': 'comma+space' is not one of"
            " 'comma', 'semicolon', 'tab', 'pipe'.",
        ),
        (
            ("acme", "Cases", "--encoding", "latin-1"),
            "Invalid value for '--encoding': 'latin-1' is not one of"
            " 'utf-8-bom', 'utf-8', 'utf-16', 'windows-1252'.",
        ),
        (
            ("acme", "Cases", "--line-end", "cr"),
            "Invalid value for '--line-end': 'cr' is not one of 'crlf', 'lf'.",
        ),
        (
            ("acme", "Cases", "--quoting", "none"),
            "Invalid value for '--quoting': 'none' is not one of 'minimal', 'text', 'all'.",
        ),
        (("acme", "Cases", "--decimal-point"), "No such option '--decimal-point'."),
        (("acme",), "Missing argument 'DATASET'."),
        (("acme", "Casez"), "“acme” has no dataset “Casez”."),
        (("Acme Co.", "Cases"), "“Acme Co.” has no dataset “Cases”."),
        (("globex", "Cases"), "“globex” has no dataset “Cases”."),
    ],
)
def test_it_refuses_in_one_line_and_changes_nothing(
    dataset: Dataset, settings: Settings, arguments: tuple[str, ...], complaint: str
) -> None:
    result = csv_options(settings, *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"portal: {complaint}")
    assert result.stderr.count("\n") == 1
    assert current_version(dataset).number == 1
    assert entries() == []


def test_it_refuses_a_dataset_out_of_use(dataset: Dataset, settings: Settings) -> None:
    dataset.archived_at = dataset.created_at
    db.session.commit()

    assert "has no dataset “Cases”" in csv_options(settings, "acme", "Cases", "--delimiter", "tab").stderr
    assert current_version(dataset).number == 1
