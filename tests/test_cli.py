"""The command line: what it prints, what it writes, and errors in one line with exit status 2."""

import csv
import hashlib
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from portal.cli import main
from portal.schedules.recurrence import tzdata_version
from tests.conftest import SECRET, fresh_database, owned_by_nobody_special

CASES = list(
    csv.DictReader(
        (Path(__file__).parent / "schedules" / "recurrence_cases.csv").read_text("utf-8").splitlines()
    )
)
ROWS = 2500
FORMATS = ["xlsx", "csv", "json", "ndjson", "pdf"]


def portal(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def process(arguments: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in an environment of its own."""
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(result: Result) -> str:
    """Return the one line in which a command was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("portal: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("portal: ").strip()


# next-runs


def rule_of(case: dict[str, str]) -> list[str]:
    arguments = ["--kind", case["kind"].replace("_", "-"), "--time", case["time"]]
    arguments += ["--timezone", case["timezone"]]
    if case["weekday"]:
        arguments += ["--weekday", case["weekday"]]
    if case["monthday"]:
        arguments += ["--day", case["monthday"]]
    return arguments


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_it_prints_the_next_instant_of_every_shared_case(case: dict[str, str]) -> None:
    result = portal("next-runs", *rule_of(case), "--after", case["after_utc"], "--count", "1")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{case['expected_next_utc']}\n"


def test_it_prints_as_many_instants_as_asked_and_five_by_default() -> None:
    rule = ("--kind", "weekly", "--weekday", "0", "--weekday", "4", "--time", "08:00")
    after = ("--timezone", "Europe/Berlin", "--after", "2025-03-26T00:00:00+01:00")

    result = portal("next-runs", *rule, *after, "--count", "3")

    assert result.stdout.splitlines() == [
        "2025-03-28T07:00:00Z",
        "2025-03-31T06:00:00Z",
        "2025-04-04T06:00:00Z",
    ]
    assert len(portal("next-runs", *rule, *after).stdout.splitlines()) == 5
    assert len(portal("next-runs", *rule, "--timezone", "UTC").stdout.splitlines()) == 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "--kind weekly --weekday 0 --weekday 4 --interval 2 --start 2026-12-01 --time 08:00",
            ["2026-12-04T07:00:00Z", "2026-12-14T07:00:00Z"],
        ),
        (
            "--kind monthly-weekday --weekday 1 --nth 2 --time 08:00",
            ["2026-12-08T07:00:00Z", "2027-01-12T07:00:00Z"],
        ),
        (
            "--kind monthly-business-day --nth last --country DE --region BE --time 08:00",
            ["2026-11-30T07:00:00Z", "2026-12-31T07:00:00Z"],
        ),
        (
            "--kind monthly-business-day --nth 1 --day-off 2026-12-01 --day-off 2026-12-02 --time 08:00",
            ["2026-12-03T07:00:00Z", "2027-01-01T07:00:00Z"],
        ),
        ("--kind cron --cron '0 8 * * fri#2'", ["2026-12-11T07:00:00Z", "2027-01-08T07:00:00Z"]),
        (
            "--kind daily --start 2026-12-01 --times 1 --time 08:00",
            ["2026-12-01T07:00:00Z"],
        ),
        (
            "--kind daily --start 2026-12-24 --end 2026-12-28 --holidays before --country DE --time 08:00",
            ["2026-12-24T07:00:00Z", "2026-12-27T07:00:00Z"],
        ),
        (
            "--kind monthly --day 25 --holidays skip --country DE --time 08:00",
            ["2027-01-25T07:00:00Z", "2027-02-25T07:00:00Z"],
        ),
    ],
)
def test_it_takes_every_kind_of_rule(arguments: str, expected: list[str]) -> None:
    rest = "--timezone Europe/Berlin --after 2026-11-25T12:00:00Z --count 2"

    result = portal("next-runs", *shlex.split(arguments), *rest.split())

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == expected


def test_it_says_the_rule_and_the_release_of_tzdata() -> None:
    rule = "--kind daily --time 08:00 --timezone UTC"

    result = portal("next-runs", *rule.split(), "--after", "2026-11-25T12:00Z", "--verbose")

    assert result.stderr == f"Every day at 08:00, UTC (tzdata {tzdata_version()})\n"
    assert len(result.stdout.splitlines()) == 5
    assert f"tzdata {tzdata_version()}" in " ".join(portal("next-runs", "--help").stdout.split())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--kind daily --time 25:00 --timezone UTC", "time of day"),
        ("--kind daily --time 08:00 --timezone Europe/Berlim", "Did you mean Europe/Berlin?"),
        ("--kind daily --time 08:00 --timezone ''", "not a known timezone"),
        ("--kind daily --time 08:00 --timezone UTC --weekday 1", "Only a weekly"),
        ("--kind weekly --time 08:00 --timezone UTC", "Choose the weekday"),
        ("--kind weekly --time 08:00 --timezone UTC --weekday 7", "from 0 (Monday)"),
        ("--kind weekly --time 08:00 --timezone UTC --weekday Mo", "--weekday"),
        ("--kind monthly --time 08:00 --timezone UTC", "Choose the day"),
        ("--kind monthly --time 08:00 --timezone UTC --day 32", "from 1 to 31"),
        ("--kind monthly --time 08:00 --timezone UTC --day 0", "from 1 to 31"),
        ("--kind yearly --time 08:00 --timezone UTC", "--kind"),
        ("--kind daily --timezone UTC", "--time"),
        ("--kind daily --time 08:00 --timezone UTC --count 0", "--count"),
        ("--kind daily --time 08:00 --timezone UTC --after soon", "is not an instant"),
        ("--kind daily --time 08:00 --timezone UTC --after 9999-12-31T23:00-05:00", "is not an instant"),
        (
            "--kind monthly-weekday --weekday 1 --nth 5 --time 08:00 --timezone UTC",
            "choose 1 to 4, or the last",
        ),
        ("--kind monthly-weekday --weekday 1 --nth first --time 08:00 --timezone UTC", "--nth"),
        ("--kind weekly --weekday 1 --interval 2 --time 08:00 --timezone UTC", "Give the start"),
        ("--kind cron --timezone UTC", "Give a cron expression"),
        ("--kind cron --cron '0 8 31 2 *' --timezone UTC", "never fires"),
        ("--kind cron --cron '* * * * *' --timezone UTC", "every 15 minutes at most"),
        ("--kind cron --cron '0 8 * * *' --time 08:00 --timezone UTC", "leave the time of day out"),
        ("--kind daily --time 08:00 --timezone UTC --start 2026-12-02 --end 2026-12-01", "before its start"),
        ("--kind daily --time 08:00 --timezone UTC --end 2020-01-01", "have been on 1 January 2020"),
        ("--kind daily --time 08:00 --timezone UTC --end 1.1.2030", "--end"),
        ("--kind daily --time 08:00 --timezone UTC --times 3", "Give the start"),
        ("--kind daily --time 08:00 --timezone UTC --holidays skip --country UK", "Did you mean GB"),
        ("--kind daily --time 08:00 --timezone UTC --country DE", "Choose what happens on holidays"),
    ],
)
def test_it_refuses_a_wrong_rule_in_one_line(arguments: str, complaint: str) -> None:
    assert complaint in refused(portal("next-runs", *shlex.split(arguments)))


def test_it_needs_no_setting_and_no_service_for_next_runs() -> None:
    rule = "--kind monthly-last --time 02:30 --timezone America/New_York"

    done = process(["next-runs", *rule.split(), "--after", "2025-02-01T00:00:00Z", "--count", "2"])

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2025-02-28T07:30:00Z\n2025-03-31T06:30:00Z\n"


# export


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "cases.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cases (id integer, title text, note text)")
        connection.executemany(
            "INSERT INTO cases VALUES (?, ?, ?)",
            ((number, f"Fälle {number}", "=1+1") for number in range(1, ROWS + 1)),
        )
        connection.commit()
    return path


def export(
    database: Path, output: Path, sql: str = "SELECT * FROM cases ORDER BY id", form: str = "csv"
) -> Result:
    return portal(
        "export", "--source", f"sqlite:///{database}", "--sql", sql, "--format", form, "--output", str(output)
    )


def rows_in(path: Path, form: str) -> int:
    if form == "xlsx":
        book = openpyxl.load_workbook(path, read_only=True)
        count = sum(1 for _ in book.worksheets[0].iter_rows()) - 1
        book.close()
        return count
    if form == "pdf":
        return len(pypdf.PdfReader(path).pages)
    content = path.read_text("utf-8-sig")
    if form == "csv":
        return len(list(csv.reader(content.splitlines()))) - 1
    if form == "ndjson":
        return len([json.loads(line) for line in content.splitlines()])
    found: Any = json.loads(content)
    return len(found["rows"] if isinstance(found, dict) else found)


@pytest.mark.parametrize("form", FORMATS)
def test_it_writes_each_format_and_says_what_it_wrote(database: Path, tmp_path: Path, form: str) -> None:
    output = tmp_path / f"cases.{form}"

    result = export(database, output, form=form)

    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    assert result.stdout.count("\n") == 1
    content = output.read_bytes()
    said = json.loads(result.stdout)
    # these notes are formulas, which CSV alone must guard
    guarded = [f"An apostrophe was put before text that a spreadsheet would execute: {ROWS:,} cells."]
    assert said.pop("notes", []) == (guarded if form == "csv" else [])
    assert said == {"rows": ROWS, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if form == "pdf":
        assert rows_in(output, form) > 10, "pages"
    else:
        assert rows_in(output, form) == ROWS


def test_it_packs_and_writes_csv_as_asked(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "cases.zip"
    source = ["--source", f"sqlite:///{database}", "--sql", "SELECT id, id / 2.0 AS half FROM cases LIMIT 1"]
    how = ["--packing", "zip", "--delimiter", "semicolon", "--decimal-comma", "--encoding", "utf-8"]

    result = portal("export", *source, "--format", "csv", *how, "--output", str(output))

    assert (result.exit_code, result.stderr) == (0, "")
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == ["cases.csv"]
        assert archive.read("cases.csv") == b"id;half\r\n1;0,5\r\n"


def test_it_names_a_packed_file_like_its_archive(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.v2.csv.zip"
    source = ["--source", f"sqlite:///{database}", "--sql", "SELECT 1 AS one", "--format", "csv"]

    portal("export", *source, "--packing", "zip", "--output", str(output))

    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == ["report.v2.csv"]


@pytest.mark.parametrize(
    ("variable", "form", "hint"),
    [
        ("PORTAL_ROW_LIMIT", "csv", "Narrow its filters or let the operator raise PORTAL_ROW_LIMIT."),
        ("PORTAL_ROW_LIMIT", "pdf", "Narrow its filters or let the operator raise PORTAL_ROW_LIMIT."),
        (
            "PORTAL_PDF_ROW_LIMIT",
            "pdf",
            "Narrow its filters, choose another format, or let the operator raise PORTAL_PDF_ROW_LIMIT.",
        ),
    ],
)
def test_it_keeps_to_the_limits_of_the_portal(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, form: str, hint: str
) -> None:
    monkeypatch.setenv(variable, str(ROWS - 1))

    result = export(database, tmp_path / "cases", form=form)

    assert refused(result) == f"The query returned more than the limit of {ROWS - 1:,} rows. {hint}"
    assert list(tmp_path.iterdir()) == [database]


def test_it_says_which_setting_of_files_is_wrong(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_PDF_ROW_LIMIT", "many")

    assert "PORTAL_PDF_ROW_LIMIT" in refused(export(database, tmp_path / "cases.csv"))


def test_it_writes_an_empty_table_with_its_columns(database: Path, tmp_path: Path) -> None:
    result = export(database, tmp_path / "none.csv", "SELECT id, title FROM cases WHERE id < 0")

    assert json.loads(result.stdout)["rows"] == 0
    assert (tmp_path / "none.csv").read_text("utf-8-sig").split() == ["id,title"]


def test_it_leaves_colons_in_sql_alone(database: Path, tmp_path: Path) -> None:
    sql = """SELECT '{"a":1}' AS json, strftime('%H:%M', '2025-03-09 07:30') AS at"""

    assert export(database, tmp_path / "out.ndjson", sql, "ndjson").exit_code == 0

    written = json.loads((tmp_path / "out.ndjson").read_text())
    assert list(written.values())[1] == "07:30"


def test_it_replaces_an_older_file(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "cases.csv"
    output.write_text("older")

    assert export(database, output, "SELECT 1 AS one").exit_code == 0

    assert output.read_text("utf-8-sig").split() == ["one", "1"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_its_file_is_as_readable_as_any_new_file(
    database: Path, tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        export(database, tmp_path / "cases.csv")
    finally:
        os.umask(before)

    assert (tmp_path / "cases.csv").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT nonsense FROM cases", "no such column: nonsense"),
        ("SELECT * FROM gone", "no such table: gone"),
        ("SELEC 1", "syntax error"),
        ("", "returns no rows"),
        ("DELETE FROM cases", "read-only"),
        ("INSERT INTO cases VALUES (1, 'a', 'b') RETURNING id", "read-only"),
        ("ATTACH 'other.db' AS other", "read-only"),
        ("VACUUM INTO 'copy.db'", "read-only"),
        ("PRAGMA user_version = 7", "read-only"),
        ("PRAGMA journal_mode = DELETE", "read-only"),
        ("SELECT load_extension('evil')", "not authorized"),
        ("SELECT 1; DROP TABLE cases", "one statement"),
        ("SELECT :nothing", "bindings"),
    ],
)
def test_it_refuses_sql_in_one_line_and_changes_nothing(
    database: Path, tmp_path: Path, sql: str, complaint: str
) -> None:
    before = database.read_bytes()

    assert complaint in refused(export(database, tmp_path / "out.csv", sql))

    assert database.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["cases.db"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"--source": "sqlite:///{tmp}/gone.db"}, "there is no file gone.db"),
        ({"--source": "sqlite:///{tmp}/text.db"}, "not a database"),
        ({"--source": "nonsense"}, "not a database URL"),
        ({"--source": "oracle://db.example/x"}, "Sources can be"),
        ({"--source": "postgresql://reader:hunter2@127.0.0.1:1/x"}, "did not answer"),
        ({"--format": "docx"}, "--format"),
        ({"--output": "{tmp}/gone/out.csv"}, "could not be written: No such file"),
        ({"--output": "{tmp}"}, "--output"),
        ({"--output": "{tmp}/text.db/out.csv"}, "could not be written: Not a directory"),
    ],
)
def test_it_refuses_wrong_arguments_in_one_line_and_leaves_nothing(
    database: Path, tmp_path: Path, arguments: dict[str, str], complaint: str
) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to be looked at\n" * 30)
    given = {
        "--source": f"sqlite:///{database}",
        "--sql": "SELECT * FROM cases",
        "--format": "csv",
        "--output": "{tmp}/out.csv",
        **arguments,
    }
    flat = [part.replace("{tmp}", str(tmp_path)) for pair in given.items() for part in pair]

    message = refused(portal("export", *flat))

    assert complaint in message
    assert "hunter2" not in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.db", "text.db"]


def test_it_leaves_an_older_file_when_the_query_fails_half_way(database: Path, tmp_path: Path) -> None:
    output = tmp_path / "cases.csv"
    output.write_text("older")
    sql = "SELECT CASE WHEN id < 2400 THEN id ELSE abs(-9223372036854775808) END AS a FROM cases"

    assert "integer overflow" in refused(export(database, output, sql))

    assert output.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "cases.db"]


def test_it_exports_from_postgresql_without_writing_to_it(postgresql: str, tmp_path: Path) -> None:
    with fresh_database(postgresql) as whole, owned_by_nobody_special(whole) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE cases AS SELECT i AS id FROM generate_series(1, 2500) i"))
        engine.dispose()
        common = ["--source", url, "--format", "ndjson", "--output", str(tmp_path / "out.ndjson")]

        assert "syntax error" in refused(portal("export", *common, "--sql", "DELETE FROM cases"))
        result = portal("export", *common, "--sql", "SELECT * FROM cases ORDER BY id")

    assert json.loads(result.stdout)["rows"] == 2500
    assert rows_in(tmp_path / "out.ndjson", "ndjson") == 2500


def test_it_needs_no_setting_and_no_service_for_an_export(database: Path, tmp_path: Path) -> None:
    arguments = ["export", "--source", f"sqlite:///{database}", "--format", "csv"]
    arguments += ["--output", str(tmp_path / "out.csv"), "--title", "Cases"]

    done = process([*arguments, "--sql", "SELECT * FROM cases"])
    wrong = process([*arguments, "--sql", "SELECT nonsense FROM cases"])

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"] == ROWS
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "portal: Line 1, column 8: no such column: nonsense\n"


# Operating


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment with all that production needs; returns its data directory."""
    for name in os.environ:
        if name.startswith(("PORTAL_", "MAIL_")) or name in ("PORT", "REDIS_URL"):
            monkeypatch.delenv(name)
    data_dir = tmp_path / "data"
    for name, value in {
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_DATA_DIR": str(data_dir),
        "PORTAL_PUBLIC_URL": "http://portal.example",
        "REDIS_URL": "redis://127.0.0.1:1",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_SENDER": "exports@portal.example",
    }.items():
        monkeypatch.setenv(name, value)
    return data_dir


def create_admin(email: str = "ann@acme.example", *more: str, organization: str = "Acme Co.") -> Result:
    arguments = ["create-admin", "--organization", organization, "--email", email, "--name", "Ann", *more]
    return CliRunner().invoke(main, arguments, env={"PORTAL_ADMIN_PASSWORD": "correct horse battery"})


def people(data_dir: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data_dir / "portal.db")) as connection:
        return connection.execute(
            "SELECT o.slug, u.email, u.role, u.is_operator FROM users u"
            " JOIN organizations o ON o.id = u.organization_id ORDER BY u.id"
        ).fetchall()


def test_it_migrates_twice_and_adds_admins(production: Path) -> None:
    for _ in range(2):
        result = portal("migrate")
        assert (result.exit_code, result.stdout) == (0, "The database is up to date.\n")

    assert create_admin().stdout == "ann@acme.example is an admin of Acme Co..\n"
    assert create_admin("BOB@acme.example", "--operator").exit_code == 0
    assert "already an account" in refused(create_admin())
    assert "is not an e-mail address" in refused(create_admin("cem"))
    assert "not a known timezone" in refused(
        create_admin("cem@globex.example", "--timezone", "Mars/Base", organization="Globex")
    )

    assert people(production) == [
        ("acme-co", "ann@acme.example", "admin", 0),
        ("acme-co", "bob@acme.example", "admin", 1),
    ]


def test_it_says_that_the_database_was_not_migrated(production: Path) -> None:
    production.mkdir()

    assert "portal migrate" in refused(create_admin())


def test_it_seeds_the_demo_only_in_the_demo(production: Path) -> None:
    assert "PORTAL_DEMO=1" in refused(portal("seed-demo"))


@pytest.mark.parametrize("command", ["web", "worker", "scheduler", "migrate", "up", "seed-demo"])
def test_it_starts_nothing_without_a_secret(
    production: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("PORTAL_SECRET_KEY")

    assert refused(portal(command)).startswith("PORTAL_SECRET_KEY must be set")


def test_it_names_an_unknown_command_in_one_line() -> None:
    assert "No such command 'nonsense'" in refused(portal("nonsense"))


def test_it_lists_its_commands() -> None:
    result = portal("--help")

    assert result.exit_code == 0
    for command in ("up", "web", "worker", "scheduler", "migrate", "create-admin", "next-runs", "export"):
        assert f"  {command} " in result.stdout


# Accounts


def test_it_shuts_and_opens_an_account_and_changes_its_role(production: Path) -> None:
    portal("migrate")
    create_admin()
    create_admin("bob@acme.example")

    assert portal("disable-user", "bob@acme.example").stdout == "bob@acme.example can't sign in any more.\n"
    assert "ann@acme.example is the last admin of Acme" in refused(portal("disable-user", "ann@acme.example"))
    assert portal("enable-user", "bob@acme.example").stdout == "bob@acme.example can sign in.\n"
    assert portal("change-role", "bob@acme.example", "auditor").stdout == "bob@acme.example is an auditor.\n"
    assert "last admin" in refused(portal("disable-user", "ann@acme.example"))
    assert refused(portal("enable-user", "x@acme.example")) == "There is no account for x@acme.example."
    assert people(production) == [
        ("acme-co", "ann@acme.example", "admin", 0),
        ("acme-co", "bob@acme.example", "auditor", 0),
    ]
