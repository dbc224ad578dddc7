"""What a section may be, and what is said of one that can't be shown."""

import pytest

from portal.errors import InvalidInput
from portal.reports.figures import Better
from portal.reports.numbers import Unit
from portal.reports.sections import MOST_SECTIONS, Section, SectionKind, Width, check

COLUMNS = {"d1": frozenset({"opened", "name", "kind", "month"})}
WHOLE = Section(SectionKind.KPI, "Opened", "d1", ("opened",))


@pytest.mark.parametrize(
    "section",
    [
        Section(SectionKind.KPI, "Median", "d1", ("opened",), unit=Unit.DAYS, better=Better.LOWER),
        Section(SectionKind.STACKED, "By kind", "d1", ("opened",), category="name", split="kind"),
        Section(
            SectionKind.BAR,
            "By category",
            "d1",
            ("opened",),
            category="name",
            only_column="kind",
            only_value="Category",
            width=Width.HALF,
        ),
        Section(SectionKind.TABLE, "All", "d1", rows=25),
        Section(SectionKind.TEXT, text="Words.\n\nMore words."),
    ],
)
def test_it_is_read_back_as_it_was_written(section: Section) -> None:
    check([section], COLUMNS)
    assert Section.from_dict(section.to_dict()) == section


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (Section(SectionKind.TEXT, "Words", text=" \n"), "Write the text."),
        (Section(SectionKind.KPI, " ", "d1", ("opened",)), "Give the section a title."),
        (Section(SectionKind.KPI, "Opened", "d2", ("opened",)), "Choose a dataset."),
        (Section(SectionKind.KPI, "Opened", "d1"), "Choose the column of the figure."),
        (Section(SectionKind.KPI, "Gone", "d1", ("gone",)), "There is no column “gone” in the dataset."),
        (Section(SectionKind.BAR, "Bars", "d1", ("opened",)), "Choose the column that names the categories."),
        (Section(SectionKind.LINE, "Lines", "d1", category="month"), "Choose the column of the values."),
        (
            Section(SectionKind.BAR, "Bars", "d1", ("opened", "kind"), category="name"),
            "Choose one column of values: this chart has one for each category.",
        ),
        (
            Section(SectionKind.STACKED, "Stack", "d1", ("opened", "kind"), category="name", split="month"),
            "Choose one column of values: this chart has one for each category.",
        ),
        (
            Section(SectionKind.DONUT, "Ring", "d1", ("opened",), category="name", split="kind"),
            "Bars and rings have one series: leave “A series for each” empty, or stack the bars.",
        ),
        (Section(SectionKind.TABLE, "All", "d1", rows=101), "A table shows 1 to 100 rows."),
        (Section(SectionKind.SUMMARY, "Summary", "d1"), "A summary needs a column “closed” in the dataset."),
        (
            Section(SectionKind.SUMMARY, "Summary", "d1", category_dataset="d1", category="name"),
            "Choose the columns of the categories and of their numbers.",
        ),
        (
            Section(SectionKind.SUMMARY, "Summary", "d1", category_dataset="d2"),
            "Choose the dataset of the categories anew.",
        ),
    ],
)
def test_it_says_what_is_missing_at_the_section_concerned(section: Section, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check([WHOLE, section], COLUMNS)
    assert (str(refused.value), refused.value.field) == (sentence, "sections-1")


def test_a_report_has_one_section_to_forty() -> None:
    check([WHOLE] * MOST_SECTIONS, COLUMNS)
    for sections in ([], [WHOLE] * (MOST_SECTIONS + 1)):
        with pytest.raises(InvalidInput) as refused:
            check(sections, COLUMNS)
        assert refused.value.field == "sections"


def test_only_figures_and_summaries_ask_for_the_period_before() -> None:
    assert {kind for kind in SectionKind if Section(kind).compares} == {SectionKind.KPI, SectionKind.SUMMARY}


def test_a_summary_needs_both_its_datasets() -> None:
    assert Section(SectionKind.SUMMARY, "S", "d1", category_dataset="d2").datasets == ("d1", "d2")
    assert Section(SectionKind.KPI, "K", "d1", category_dataset="d2").datasets == ("d1",)
    assert Section(SectionKind.TEXT, "T", "d1").datasets == ()
