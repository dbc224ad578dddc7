"""Charts that many tests draw, from plain to hostile."""

from collections.abc import Callable
from datetime import date

from portal.reports.charts.bars import bar_chart, stacked_chart
from portal.reports.charts.data import Chart, Series
from portal.reports.charts.donut import donut_chart
from portal.reports.charts.drawing import Picture
from portal.reports.charts.lines import line_chart
from portal.reports.charts.look import Look
from portal.reports.numbers import Unit

Draw = Callable[[Chart, Look], Picture]

LONG = 'Retaliation against a person who reported in good faith <b>&"it\'s"</b>'
CHINESE, ARABIC = "利益冲突", "قضية التحرش في مكان العمل"


def months(count: int) -> list[str]:
    return [f"{date(2023 + i // 12, i % 12 + 1, 1):%b %Y}" for i in range(count)]


CATEGORIES = Chart("Cases by category", ["Fraud", "Harassment", "Theft"], [Series("Cases", [31, 1252, 0])])
COURSE = Chart(
    "Cases by month",
    months(12),
    [
        Series("Opened", [61, 64, 58, 70, 75, 71, 80, 84, 79, 90, 88, 93]),
        Series("Closed", [55, 60, 61, 62, 70, None, None, 81, 80, 85, 91, 92]),
    ],
)
SEVERITIES = Chart(
    "Severity by business unit",
    ["Manufacturing", "Sales", "Research"],
    [Series("High", [22, 31, 4]), Series("Medium", [61, 55, 22]), Series("Low", [48, None, 26])],
)
CHANNELS = Chart(
    "Cases by channel",
    ["Web form", "Hotline", "E-mail", "Letter"],
    [Series("Cases", [600, 250, 149, 1])],
)

EVERY: dict[str, tuple[Draw, Chart]] = {
    "bars": (bar_chart, CATEGORIES),
    "bars below zero": (bar_chart, Chart("Net", ["Up", "Down", "?"], [Series("Net", [1234, -987, None])])),
    "bars of nothing": (bar_chart, Chart("Zero", ["A", "B"], [Series("n", [0, 0])])),
    "bars of odd names": (
        bar_chart,
        Chart("Odd & <odd>", [LONG, CHINESE, ARABIC, "", "a\x00b\ud800c"], [Series("n", [5, 4, 3, 2, 1])]),
    ),
    "bars of huge numbers": (
        bar_chart,
        Chart("Loss", ["A", LONG], [Series("Loss", [98_765_432_109.5, 1])], Unit.AMOUNT),
    ),
    "too many bars": (bar_chart, Chart("Units", [f"Unit {i}" for i in range(40)], [Series("n", range(40))])),
    "lines": (line_chart, COURSE),
    "three years": (
        line_chart,
        Chart("Cases", months(36), [Series(n, range(i, i + 36)) for i, n in enumerate(("Opened", "Closed"))]),
    ),
    "crowded lines": (
        line_chart,
        Chart("Cases", months(9), [Series(f"{LONG} {i}", [100 + i] * 9) for i in range(7)]),
    ),
    "one point": (line_chart, Chart("Cases", ["Mar 2026"], [Series("Opened", [7])])),
    "lines of nothing": (line_chart, Chart("Cases", months(3), [Series("Opened", [0, 0, 0])])),
    "lines below zero": (line_chart, Chart("Net", months(4), [Series("Net", [3, -8.25, None, 2])])),
    "lines of long names": (line_chart, Chart("Odd", [LONG, ARABIC, LONG], [Series(CHINESE, [1, 2, 3])])),
    "rates": (
        line_chart,
        Chart("Rate", months(6), [Series("Rate", [0.4, 0.42, 0.38, 0.5, 1, 0.9])], Unit.PERCENT),
    ),
    "stacks": (stacked_chart, SEVERITIES),
    "stacks of shares": (
        stacked_chart,
        Chart(
            "Outcome",
            ["North", "South"],
            [Series("Yes", [0.42, 0.3]), Series("No", [0.58, 0.7])],
            Unit.PERCENT,
        ),
    ),
    "stacks below zero": (
        stacked_chart,
        Chart(
            "Net", ["A", "B"], [Series("In", [5, 90]), Series("Out", [-70, -1]), Series("None", [None, None])]
        ),
    ),
    "stacks of too much": (
        stacked_chart,
        Chart(
            "Much", [f"{LONG} {i}" for i in range(30)], [Series(f"{LONG} {n}", [n] * 30) for n in range(9)]
        ),
    ),
    "ring": (donut_chart, CHANNELS),
    "ring of one": (donut_chart, Chart("One", ["All"], [Series("n", [3])])),
    "ring of nothing": (donut_chart, Chart("Zero", ["A", "B"], [Series("n", [0, None])])),
    "ring of many": (
        donut_chart,
        Chart("Many", [f"{LONG} {i}" for i in range(12)], [Series("n", [10**9 + i for i in range(12)])]),
    ),
    "ring below zero": (donut_chart, Chart("Net", ["A", "B"], [Series("n", [3, -1])])),
    "no categories": (bar_chart, Chart("Empty", [], [Series("n", [])])),
    "no figures": (line_chart, Chart("Empty", months(2), [Series("n", [None, float("nan")])])),
}
