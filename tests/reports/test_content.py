"""What sections make of rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.exporters.base import Document
from portal.reports.content import (
    Answer,
    Block,
    ChartBlock,
    KpiBlock,
    TableBlock,
    TextBlock,
    Unavailable,
    blocks,
)
from portal.reports.figures import Better
from portal.reports.numbers import Unit
from portal.reports.sections import Section, SectionKind, Width
from portal.table import Column, ColumnType
from portal.tally import Tally

DOCUMENT = Document("Board report", "Acme Co.", datetime(2025, 11, 26, tzinfo=UTC), "America/New_York")
FIGURES = (
    Column("opened", "Cases opened", ColumnType.INTEGER),
    Column("closed", "Cases closed", ColumnType.INTEGER),
    Column("overdue", "Overdue", ColumnType.INTEGER),
    Column("median_days", "Median days", ColumnType.DECIMAL),
    Column("substantiation", "Substantiated", ColumnType.PERCENTAGE),
)
COUNTED = (
    Column("kind", "Counted by"),
    Column("name", "Name"),
    Column("cases", "Cases", ColumnType.INTEGER),
)
ROWS = [("Category", "Fraud", 5), ("Category", None, 1), ("Unit", "Retail", 6)]
BY_STATUS = [("Gift", "Approved", 2), ("Travel", "Rejected", 3), ("Gift", "Rejected", 1)]


def shown(
    section: Section, columns: Sequence[Column], rows: Sequence[Any], before: Sequence[Any] | None = None
) -> Block:
    (block,) = blocks([section], {"d1": Answer(tuple(columns), rows, before)}, DOCUMENT, Tally())
    return block


def test_a_figure_is_compared_with_the_period_before() -> None:
    section = Section(
        SectionKind.KPI, "Median days open", "d1", ("median_days",), unit=Unit.DAYS, better=Better.LOWER
    )
    now, before = (9, 8, 7, Decimal("14.5"), None), (6, 5, 4, Decimal("12.0"), None)

    block = shown(section, FIGURES, [now], [before])

    assert isinstance(block, KpiBlock)
    assert (block.kpi.label, block.kpi.shown) == ("Median days open", "14.5 days")
    assert (block.kpi.change, block.kpi.tone) == ("+2.5 days against the previous period", "bad")


def test_a_figure_of_no_row_is_none() -> None:
    block = shown(Section(SectionKind.KPI, "Opened", "d1", ("opened",)), FIGURES, [], None)
    assert isinstance(block, KpiBlock)
    assert (block.kpi.shown, block.kpi.change) == ("–", "no figure for this period")


def test_a_chart_shows_only_the_rows_it_is_about() -> None:
    section = Section(
        SectionKind.BAR,
        "By category",
        "d1",
        ("cases",),
        category="name",
        only_column="kind",
        only_value="Category",
        width=Width.HALF,
    )
    block = shown(section, COUNTED, ROWS)

    assert isinstance(block, ChartBlock)
    assert (block.chart.categories, block.width) == (["Fraud", "(none)"], Width.HALF)
    assert [(series.label, series.values) for series in block.chart.series] == [("Cases", [5, 1])]


def test_a_chart_refuses_several_rows_where_it_has_room_for_one() -> None:
    section = Section(SectionKind.STACKED, "Gifts", "d1", ("cases",), category="kind", split="name")
    block = shown(section, COUNTED, [*BY_STATUS, ("Gift", "Approved", 7)])

    assert block == Unavailable(
        "Gifts", "There is more than one row for “Gift” and “Approved”: let the query add them up."
    )


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_a_summary_takes_what_is_no_figure_for_none(odd: Any) -> None:
    section = Section(
        SectionKind.SUMMARY, "Summary", "d1", ("cases",), category="name", category_dataset="d2"
    )
    answers = {
        "d1": Answer(FIGURES, [(odd, odd, odd, odd, odd)]),
        "d2": Answer(COUNTED, [("Category", "Fraud", odd)]),
    }
    (block,) = blocks([section], answers, DOCUMENT, Tally())

    assert isinstance(block, TextBlock)


def test_a_chart_makes_a_series_of_each_value_of_a_column() -> None:
    section = Section(SectionKind.STACKED, "Gifts", "d1", ("cases",), category="kind", split="name")
    block = shown(section, COUNTED, BY_STATUS)

    assert isinstance(block, ChartBlock)
    assert block.chart.categories == ["Gift", "Travel"]
    assert [(series.label, series.values) for series in block.chart.series] == [
        ("Approved", [2, None]),
        ("Rejected", [1, 3]),
    ]


def test_a_chart_of_no_rows_is_drawn_as_such() -> None:
    for split in ("", "name"):
        section = Section(SectionKind.STACKED, "Gifts", "d1", ("cases",), category="kind", split=split)
        block = shown(section, COUNTED, [])
        assert isinstance(block, ChartBlock)
        assert block.chart.categories == []


def test_a_chart_refuses_what_is_no_number() -> None:
    section = Section(SectionKind.BAR, "By kind", "d1", ("name",), category="kind")
    assert shown(section, COUNTED, ROWS) == Unavailable(
        "By kind", "“name” holds something that is no number."
    )


def test_a_table_shows_its_first_rows_and_says_how_many_it_leaves_out() -> None:
    columns = (
        Column("number", "Case"),
        Column("due", "Due", ColumnType.DATETIME),
        Column("day", "Day", ColumnType.DATE),
        Column("loss", "Loss", ColumnType.CURRENCY, "#,##0.00"),
    )
    due = datetime(2025, 11, 26, 2, 30, tzinfo=UTC)
    rows = [("A-1", due, date(2025, 3, 9), Decimal("1234.5")), ("A-2", None, None, None)]

    block = shown(Section(SectionKind.TABLE, "Overdue", "d1", rows=1), columns, rows)

    assert block == TableBlock(
        title="Overdue",
        labels=["Case", "Due (America/New_York)", "Day", "Loss"],
        numeric=[False, False, False, True],
        rows=[("A-1", "2025-11-25 21:30:00", "2025-03-09", "1,234.50")],
        more=1,
    )


def test_a_table_shows_the_chosen_columns_of_the_rows_it_is_about() -> None:
    section = Section(
        SectionKind.TABLE, "Units", "d1", ("cases", "name"), only_column="kind", only_value="Unit"
    )
    block = shown(section, COUNTED, ROWS)
    assert isinstance(block, TableBlock)
    assert (block.labels, block.rows, block.more) == (["Cases", "Name"], [("6", "Retail")], 0)


def test_text_is_cut_into_paragraphs() -> None:
    section = Section(SectionKind.TEXT, "Note", text="One\nline.\r\n\r\n  Another.  \n\n\n")
    assert shown(section, (), []) == TextBlock("Note", ["One line.", "Another."])


def test_a_summary_is_made_of_both_datasets() -> None:
    section = Section(
        SectionKind.SUMMARY,
        "Summary",
        "d1",
        ("cases",),
        category="name",
        category_dataset="d2",
        only_column="kind",
        only_value="Category",
    )
    figures = Answer(FIGURES, [(6, 2, 1, None, None)], [(3, 2, 0, None, None)])

    (block,) = blocks([section], {"d1": figures, "d2": Answer(COUNTED, ROWS)}, DOCUMENT, Tally())

    assert isinstance(block, TextBlock)
    (text,) = block.paragraphs
    assert text.startswith("6 cases were opened, 3 more than in the previous period (3). 2 cases were closed")
    assert "The largest category was Fraud with 5 of 6 cases (83 %)." in text


def test_a_section_without_an_answer_says_why() -> None:
    kpi = Section(SectionKind.KPI, "Opened", "d1", ("opened",))
    for answers, problem in (
        ({"d1": "The data source did not answer."}, "The data source did not answer."),
        ({}, "Its dataset is put away."),
        ({"d1": Answer(COUNTED, ROWS)}, "The dataset has no column “opened” any more."),
    ):
        assert blocks([kpi], answers, DOCUMENT, Tally()) == [Unavailable("Opened", problem)]
