import csv
import io
import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.exporters.as_csv import CsvExporter
from portal.exporters.csv_fields import GUARDED, executes
from portal.exporters.options import CsvOptions, Delimiter, Encoding, LineEnd, Quoting
from portal.exporters.text import OUTSIDE_CALENDAR
from portal.table import Column, ColumnType, Zone
from portal.tally import REPLACED, WITHOUT_ZONE
from tests.exporters.shared import DOCUMENT, Nowhere, Pipe, batches, export

TEXT = Column("name", "Name")
CASES = [
    Column("id", "Id", ColumnType.INTEGER),
    Column("name", "Name"),
    Column("amount", "Amount", ColumnType.CURRENCY),
]


def written_text(columns: list[Column], rows: list[list[Any]]) -> str:
    data, _ = export(CsvExporter(), columns, rows)
    assert data.startswith(b"\xef\xbb\xbf")
    return data[3:].decode()


def read_back(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_it_writes_a_header_of_labels_and_ends_lines_with_crlf() -> None:
    assert written_text(CASES, [[1, "Zoë", Decimal("2.50")]]) == "Id,Name,Amount\r\n1,Zoë,2.50\r\n"


def test_it_writes_the_header_when_there_are_no_rows() -> None:
    data, written = export(CsvExporter(), CASES, [])
    assert read_back(data) == [["Id", "Name", "Amount"]]
    assert (written.rows, written.notes) == (0, ())


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ""),
        ("", '""'),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (12345678901234567890, "12345678901234567890"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00000001"), "-0.00000001"),
        (Decimal("NaN"), "NaN"),
        (date(1899, 12, 31), "1899-12-31"),
        (datetime.fromisoformat("2025-01-02T03:04:05"), "2025-01-02T03:04:05"),
        (datetime(2025, 7, 1, 12, 0, 0, 250, tzinfo=UTC), "2025-07-01T14:00:00.000250+02:00"),
        (b"\x00\xff", "AP8="),
        ('say "hi", then\nleave', '"say ""hi"", then\nleave"'),
        (" kept ", '" kept "'),
    ],
)
def test_it_writes_each_type_exactly(value: object, field: str) -> None:
    columns = [Column("a", "A"), Column("b", "B")]
    assert written_text(columns, [[value, 1]]) == f"A,B\r\n{field},1\r\n"


def test_it_disarms_base64_which_may_begin_with_a_sign() -> None:
    data, written = export(CsvExporter(), [TEXT], [[b"\xf8\x00\x00"]])
    assert read_back(data)[1] == ["'+AAA"]
    assert written.notes == (f"{GUARDED}: 1 cell.",)


def test_it_keeps_the_order_of_a_column_of_several_types() -> None:
    values = [1, None, "b", Decimal("1E+2"), True, "", 2, None, "=1"]
    sink = Pipe()
    rows = [[value, 0] for value in values]
    CsvExporter().write([rows], [TEXT, TEXT], cast(BinaryIO, sink), DOCUMENT)
    assert sink.written.decode("utf-8-sig").split("\r\n")[1:-1] == [
        "1,0",
        ",0",
        "b,0",
        "100,0",
        "true,0",
        '"",0',
        "2,0",
        ",0",
        "'=1,0",
    ]


@pytest.mark.parametrize("text", ["a;=1+1", "a\t=1+1", "a|=1+1", "a,=1+1"])
def test_it_quotes_whatever_another_delimiter_would_part(text: str) -> None:
    for delimiter in Delimiter:
        data, _ = export(CsvExporter(CsvOptions(delimiter, Encoding.UTF_8)), [TEXT], [[text]])
        assert data.decode() == f'Name\r\n"{text}"\r\n'


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59+00:00"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=3))), "0001-01-01T00:00:00+03:00"),
    ],
)
def test_it_keeps_the_offset_of_times_that_its_zone_cannot_show(value: datetime, field: str) -> None:
    column = Column("a", "A", ColumnType.DATETIME)
    now = datetime(2025, 7, 1, 12, tzinfo=UTC)
    data, written = export(CsvExporter(), [column], [[value], [now]])
    assert read_back(data)[1:] == [[field], ["2025-07-01T14:00:00+02:00"]]
    assert written.notes == (f"{OUTSIDE_CALENDAR}: 1 cell.",)


def test_it_writes_structures_as_json() -> None:
    data, _ = export(CsvExporter(), [Column("f", "F", ColumnType.JSON)], [[{"a": ["é", 1]}]])
    assert read_back(data)[1] == ['{"a":["é",1]}']


def test_it_never_writes_a_blank_line_because_readers_skip_it() -> None:
    data, written = export(CsvExporter(), [TEXT], [[None], [""], ["x"]])
    assert read_back(data) == [["Name"], [""], [""], ["x"]]
    assert written.rows == 3


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "+1+2",
        "-2+3|cmd",
        "-1-2",
        "+49-30-1234567",
        "\t=1+1",
        "\rx",
        "\nx",
        "  =1+1",
        "\ufeff=1+1",
        "\uff1d1+1",
        "-a",
    ],
)
def test_it_disarms_text_that_would_run_and_counts_it(text: str) -> None:
    data, written = export(CsvExporter(), [TEXT], [[text]])
    assert read_back(data)[1] == ["'" + text]
    assert written.notes == (f"{GUARDED}: 1 cell.",)


@pytest.mark.parametrize(
    "text", ["-5", "+49 170 1234567", "-1.234,50", "+5%", "-1e5", "-", "a=b", "x\t=1", "1-2"]
)
def test_it_leaves_harmless_text_alone(text: str) -> None:
    data, written = export(CsvExporter(), [TEXT], [[text]])
    assert read_back(data)[1] == [text]
    assert written.notes == ()


def test_it_never_guards_real_numbers() -> None:
    data, written = export(CsvExporter(), CASES, [[-5, "x", Decimal("-1.5")], [-1, "y", -2.5]])
    assert read_back(data)[1:] == [["-5", "x", "-1.5"], ["-1", "y", "-2.5"]]
    assert written.notes == ()


def test_it_disarms_labels_too() -> None:
    data, _ = export(CsvExporter(), [Column("x", "=1+1")], [])
    assert read_back(data) == [["'=1+1"]]


def test_it_replaces_what_utf8_or_readers_cannot_hold_and_counts_it() -> None:
    data, written = export(CsvExporter(), [TEXT], [["a\0b"], ["\ud800"], ["fine"]])
    assert read_back(data)[1:] == [["a\ufffdb"], ["\ufffd"], ["fine"]]
    assert written.notes == (f"{REPLACED}: 2 cells.",)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=2, max_size=2
        ),
        max_size=5,
    )
)
def test_it_gives_a_reader_the_text_it_was_given(rows: list[list[str]]) -> None:
    data, written = export(CsvExporter(), [TEXT, TEXT], rows)
    expected = [["'" + text if executes(text) else text for text in row] for row in rows]
    assert read_back(data)[1:] == expected
    assert written.rows == len(rows)


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False, allow_infinity=False))
def test_it_gives_a_reader_the_number_it_was_given(number: Decimal | float) -> None:
    data, _ = export(CsvExporter(), [TEXT], [[number]])
    assert type(number)(read_back(data)[1][0]) == number


def test_it_holds_one_batch_in_memory() -> None:
    rows = ([i, "x" * 100, Decimal(i)] for i in range(200_000))
    sink = Nowhere()
    tracemalloc.start()
    try:
        written = CsvExporter().write(batches(rows, 1000), CASES, cast(BinaryIO, sink), DOCUMENT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.rows == 200_000
    assert sink.size > 20_000_000
    assert peak < 6_000_000


# Options


OPTIONS_ROWS: list[list[Any]] = [
    [1, "plain", Decimal("1234.50"), None],
    [2, "a;b", Decimal("-0.5"), ""],
    [3, 'say "hi", please', Decimal(7), "=1+1"],
]
OPTIONS_COLUMNS = [
    Column("id", "Id", ColumnType.INTEGER),
    Column("title", "Title"),
    Column("amount", "Amount", ColumnType.DECIMAL),
    Column("note", "Note"),
]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            CsvOptions(),
            [
                "Id,Title,Amount,Note",
                "1,plain,1234.50,",
                '2,"a;b",-0.5,""',
                '3,"say ""hi"", please",7,\'=1+1',
            ],
        ),
        (
            CsvOptions(delimiter=Delimiter.SEMICOLON, decimal_comma=True),
            [
                "Id;Title;Amount;Note",
                "1;plain;1234,50;",
                '2;"a;b";-0,5;""',
                '3;"say ""hi"", please";7;\'=1+1',
            ],
        ),
        (
            CsvOptions(decimal_comma=True),
            [
                "Id,Title,Amount,Note",
                '1,plain,"1234,50",',
                '2,"a;b","-0,5",""',
                '3,"say ""hi"", please",7,\'=1+1',
            ],
        ),
        (
            CsvOptions(quoting=Quoting.TEXT),
            [
                '"Id","Title","Amount","Note"',
                '1,"plain",1234.50,',
                '2,"a;b",-0.5,""',
                '3,"say ""hi"", please",7,"\'=1+1"',
            ],
        ),
        (
            CsvOptions(delimiter=Delimiter.TAB, quoting=Quoting.ALL),
            [
                '"Id"\t"Title"\t"Amount"\t"Note"',
                '"1"\t"plain"\t"1234.50"\t',
                '"2"\t"a;b"\t"-0.5"\t""',
                '"3"\t"say ""hi"", please"\t"7"\t"\'=1+1"',
            ],
        ),
    ],
    ids=["default", "semicolon and comma", "comma and comma", "text quoted", "tab, all quoted"],
)
def test_it_writes_fields_as_chosen(options: CsvOptions, lines: list[str]) -> None:
    data, written = export(CsvExporter(options), OPTIONS_COLUMNS, OPTIONS_ROWS)

    assert data.decode("utf-8-sig").split("\r\n") == [*lines, ""]
    assert written.notes == (f"{GUARDED}: 1 cell.",)


@pytest.mark.parametrize("delimiter", list(Delimiter))
@pytest.mark.parametrize("quoting", list(Quoting))
def test_every_choice_reads_back_as_it_was(delimiter: Delimiter, quoting: Quoting) -> None:
    texts = ["a,b", "a;b", "a\tb", "a|b", 'a"b', "a\nb", "a\r\nb", " a ", "", "ä", "1", "x"]
    data, _ = export(CsvExporter(CsvOptions(delimiter, quoting=quoting)), [TEXT], [[text] for text in texts])

    reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter.value)
    assert [row[0] for row in reader][1:] == texts


@pytest.mark.parametrize(
    ("encoding", "codec", "charset"),
    [
        (Encoding.UTF_8_BOM, "utf-8-sig", "utf-8"),
        (Encoding.UTF_8, "utf-8", "utf-8"),
        (Encoding.UTF_16, "utf-16", "utf-16"),
        (Encoding.WINDOWS_1252, "cp1252", "windows-1252"),
    ],
)
def test_it_writes_every_encoding(encoding: Encoding, codec: str, charset: str) -> None:
    exporter = CsvExporter(CsvOptions(encoding=encoding, line_end=LineEnd.LF))

    data, written = export(exporter, [TEXT], [["Größe €"], ["naïve"]])

    assert data.decode(codec) == f"{TEXT.label}\nGröße €\nnaïve\n"
    assert exporter.media_type == f"text/csv; charset={charset}"
    assert written.notes == ()


def test_it_counts_what_windows_1252_does_not_have() -> None:
    data, written = export(
        CsvExporter(CsvOptions(encoding=Encoding.WINDOWS_1252)), [TEXT], [["Łódź"], ["ok"], ["案"]]
    )

    assert data.decode("cp1252").split() == [TEXT.label, "?ód?", "ok", "?"]
    assert written.notes == ("Characters that Windows-1252 does not have became a question mark: 2 cells.",)


def test_it_says_the_zone_in_the_header_and_counts_times_without_one() -> None:
    at = datetime(2025, 7, 1, 12, 0, tzinfo=UTC)
    columns = [
        Column("a", "Opened", ColumnType.DATETIME),
        Column("b", "Closed", ColumnType.DATETIME, zone=Zone.UTC),
    ]

    data, written = export(CsvExporter(), columns, [[at, at], [at.replace(tzinfo=None), None]])

    assert data.decode("utf-8-sig").split("\r\n")[:-1] == [
        "Opened (Europe/Berlin),Closed (UTC)",
        "2025-07-01T14:00:00+02:00,2025-07-01T12:00:00+00:00",
        "2025-07-01T12:00:00,",
    ]
    assert written.notes == (f"{WITHOUT_ZONE}: 1 cell.",)


def test_it_quotes_a_blank_at_the_end_which_readers_would_trim() -> None:
    data, _ = export(CsvExporter(), [Column("a", "A")], [["x "], ["y"], ["z\u00a0"]])
    assert data.decode("utf-8-sig") == 'A\r\n"x "\r\ny\r\n"z\u00a0"\r\n'


@pytest.mark.parametrize(("label", "field"), [("ID", '"ID"'), ("IDs (all)", '"IDs (all)"'), ("Id", "Id")])
def test_its_first_label_makes_it_no_file_of_type_sylk(label: str, field: str) -> None:
    columns = [Column("a", label), Column("b", "ID")]
    data, _ = export(CsvExporter(CsvOptions(encoding=Encoding.UTF_8)), columns, [])
    assert data.decode() == f"{field},ID\r\n"
