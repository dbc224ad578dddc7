import pytest

from portal.exporters.xlsx_styles import column_widths, sheet_name
from portal.table import Column, ColumnType
from tests.exporters.shared import DOCUMENT


@pytest.mark.parametrize(
    ("title", "first", "second"),
    [
        ("Open cases", "Open cases", "Open cases 2"),
        ("x" * 40, "x" * 31, "x" * 29 + " 2"),
        ("a/b", "a-b", "a-b 2"),
        ("[a]:*?\\b", "a-b", "a-b 2"),
        ("'quoted'", "quoted", "quoted 2"),
        ("History", "Data", "Data 2"),
        ("about", "Data", "Data 2"),
        ("", "Data", "Data 2"),
        ("///", "Data", "Data 2"),
        ("案件一覧", "案件一覧", "案件一覧 2"),
        ("🙂" * 31, "🙂" * 15, "🙂" * 14 + " 2"),  # each is two of the units that Excel counts
    ],
)
def test_it_names_sheets_as_excel_allows(title: str, first: str, second: str) -> None:
    assert (sheet_name(title, 1), sheet_name(title, 2)) == (first, second)


def test_it_makes_columns_wide_enough_for_label_and_content() -> None:
    columns = [
        Column("a", "A"),
        Column("b", "A rather long label"),
        Column("c", "C", width=12),
        Column("d", "D", ColumnType.DATETIME),
    ]
    sample = [["x" * 30, 1, None, None], ["x" * 500, 2, None, None]]
    assert column_widths(columns, DOCUMENT, sample) == [32.0, 24.0, 12, 22.0]
