"""File names: readable, of any script, safe on every disk."""

from datetime import UTC, datetime

import pytest

from portal.runs.filenames import filename_for

DUE = datetime(2025, 3, 10, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Open cases", "open-cases"),
        ("  Weekly: cases / by unit ", "weekly-cases-by-unit"),
        ("Fälle für Köln", "fälle-für-köln"),
        ("東京の案件", "東京の案件"),
        ("../../etc/passwd", "etc-passwd"),
        ('a"b<c>d|e*f?g\\h', "a-b-c-d-e-f-g-h"),
        ("CON", "con"),
        ("...", "export"),
        ("___", "export"),
        ("🎉", "export"),
        ("line\r\nbreak\x00", "line-break"),
        ("ﬁnal ① report", "final-1-report"),
    ],
)
def test_it_makes_a_stem_of_letters_and_digits(name: str, stem: str) -> None:
    assert filename_for(name, DUE, "Europe/Berlin", "csv") == f"{stem}-2025-03-10-0800.csv"


@pytest.mark.parametrize("name", ["x" * 120, "東" * 120, "𐍈" * 120, "ab-" * 40])
def test_it_stays_within_what_file_systems_and_the_database_take(name: str) -> None:
    made = filename_for(name, DUE, "Europe/Berlin", "xlsx")

    assert len(made.encode()) <= 255
    assert len(made) <= 200
    assert made.endswith("-2025-03-10-0800.xlsx")
    assert "--" not in made
    assert "\ufffd" not in made


def test_it_names_the_occurrence_in_the_schedules_zone() -> None:
    late = datetime(2025, 3, 10, 23, 30, tzinfo=UTC)

    assert filename_for("Cases", late, "Asia/Tokyo", "pdf") == "cases-2025-03-11-0830.pdf"
    assert filename_for("Cases", late, "America/New_York", "pdf") == "cases-2025-03-10-1930.pdf"
