"""The executive summary: every sentence, in all its forms."""

from dataclasses import replace

import pytest

from portal.reports.figures import Figure
from portal.reports.numbers import Number, Unit
from portal.reports.summary import BoardFigures, executive_summary

QUARTER = BoardFigures(
    opened=Figure(128, 107),
    closed=Figure(96, 120),
    overdue=Figure(7, 9),
    median_days=Figure(31.5, 28, Unit.DAYS),
    substantiation=Figure(0.424, 0.391, Unit.PERCENT),
    categories=[("Fraud", 31), ("Harassment", 52), ("Data protection", 45)],
)
UNKNOWN = BoardFigures(
    opened=Figure(None),
    closed=Figure(None),
    overdue=Figure(None),
    median_days=Figure(None, 28, Unit.DAYS),
    substantiation=Figure(None, 0.4, Unit.PERCENT),
)


def test_it_says_the_six_figures() -> None:
    assert executive_summary(QUARTER) == [
        "128 cases were opened, 20 % more than in the previous period (107).",
        "96 cases were closed, 20 % fewer than in the previous period (120).",
        "The median time a case was open was 31.5 days, compared with 28 days in the previous period.",
        "The substantiation rate was 42.4 %, compared with 39.1 % in the previous period.",
        "The largest category was Harassment with 52 of 128 cases (41 %).",
        "7 cases are overdue, 2 fewer than in the previous period (9).",
    ]


def test_it_says_what_is_not_known() -> None:
    assert executive_summary(UNKNOWN) == [
        "There is no figure for the cases opened in this period.",
        "There is no figure for the cases closed in this period.",
        "There is no figure for the median time open or for the substantiation rate in this period.",
        "There is no figure for overdue cases.",
    ]


@pytest.mark.parametrize(
    ("now", "before", "sentence"),
    [
        (1, 1, "1 case was opened, as many as in the previous period."),
        (1, 0, "1 case was opened, after none in the previous period."),
        (0, 0, "No case was opened, as in the previous period."),
        (0, 1, "No case was opened, after 1 in the previous period."),
        (0, 1200, "No case was opened, after 1,200 in the previous period."),
        (2, 1, "2 cases were opened, 1 more than in the previous period (1)."),
        (1, 3, "1 case was opened, 2 fewer than in the previous period (3)."),
        (12, 9, "12 cases were opened, 3 more than in the previous period (9)."),
        (12, 10, "12 cases were opened, 20 % more than in the previous period (10)."),
        (1003, 1000, "1,003 cases were opened, 3 more than in the previous period (1,000)."),
        (4, None, "4 cases were opened; there is no figure for the previous period."),
        (0, None, "No case was opened; there is no figure for the previous period."),
    ],
)
def test_it_counts_cases(now: int, before: int | None, sentence: str) -> None:
    assert executive_summary(replace(QUARTER, opened=Figure(now, before)))[0] == sentence


@pytest.mark.parametrize(
    ("now", "before", "sentence"),
    [
        (0, 0, "No case is overdue, as in the previous period."),
        (1, 0, "1 case is overdue, after none in the previous period."),
        (2, None, "2 cases are overdue; there is no figure for the previous period."),
    ],
)
def test_it_counts_overdue_cases(now: int, before: int | None, sentence: str) -> None:
    assert executive_summary(replace(QUARTER, overdue=Figure(now, before)))[-1] == sentence


@pytest.mark.parametrize(
    ("now", "before", "end"),
    [
        (1, 2, "was 1 day, compared with 2 days in the previous period."),
        (14, 14.04, "was 14 days, as in the previous period."),
        (0, None, "was 0 days; there is no figure for the previous period."),
    ],
)
def test_it_says_how_long_cases_were_open(now: Number, before: Number | None, end: str) -> None:
    sentences = executive_summary(replace(QUARTER, median_days=Figure(now, before, Unit.DAYS)))
    assert sentences[2] == f"The median time a case was open {end}"


def test_a_single_unknown_is_named_alone() -> None:
    sentences = executive_summary(replace(QUARTER, substantiation=Figure(None, None, Unit.PERCENT)))
    assert sentences[3] == "There is no figure for the substantiation rate in this period."
    assert len(sentences) == 6


@pytest.mark.parametrize(
    ("categories", "sentence"),
    [
        ([("Fraud", 1)], "The only case is one of Fraud."),
        ([("Fraud", 3)], "The largest category was Fraud with 3 of 3 cases (100 %)."),
        ([("Fraud", 3), ("Theft", 0)], "The largest category was Fraud with 3 of 3 cases (100 %)."),
        (
            [("Fraud", 2), ("Theft", 2), ("Bribery", 1)],
            "The largest categories were Fraud and Theft with 2 cases each (40 % each).",
        ),
        (
            [("A", 1), ("B", 1), ("C", 1)],
            "The largest categories were A, B and C with 1 case each (33 % each).",
        ),
        ([("A", 1), ("B", 1), ("C", 1), ("D", 1)], "No category stands out: 4 have 1 case each."),
        ([("A", 1_500), ("B", 1)], "The largest category was A with 1,500 of 1,501 cases (>99 %)."),
    ],
)
def test_it_names_the_largest_category(categories: list[tuple[str, int]], sentence: str) -> None:
    assert executive_summary(replace(QUARTER, categories=categories))[4] == sentence


@pytest.mark.parametrize("categories", [[], [("Fraud", 0), ("Theft", 0)]])
def test_without_cases_no_category_is_the_largest(categories: list[tuple[str, int]]) -> None:
    sentences = executive_summary(replace(QUARTER, categories=categories))
    assert len(sentences) == 5
    assert not any("categor" in sentence for sentence in sentences)


@pytest.mark.parametrize("figures", [QUARTER, UNKNOWN, replace(UNKNOWN, opened=Figure(0, 0))])
def test_it_is_three_to_six_sentences_without_a_cause(figures: BoardFigures) -> None:
    sentences = executive_summary(figures)
    assert 3 <= len(sentences) <= 6
    assert all(sentence.endswith(".") for sentence in sentences)
    text = " ".join(sentences).lower()
    assert not any(word in text for word in ("because", "due to", "caused", "driven", "thanks to"))
