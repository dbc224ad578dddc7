"""Lists and objects inside a cell are the same exact JSON in each format."""

import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import RenderFailed
from portal.exporters.as_csv import CsvExporter
from portal.exporters.as_json import NdjsonExporter
from portal.exporters.json_values import NOT_FINITE, SAFE_INTEGER, JsonValues
from portal.table import Column
from portal.tally import REPLACED, WITHOUT_ZONE, Tally
from tests.exporters.shared import export
from tests.exporters.workbooks import cell_written


def text_of(value: object) -> str:
    return JsonValues(Tally()).text(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, True, None, "ä\n\u2028"], '[1,true,null,"ä\\n\u2028"]'),
        ({"b": {"a": []}, "a": {}}, '{"b":{"a":[]},"a":{}}'),
        ((1, (2.5, -0.0)), "[1,[2.5,-0.0]]"),
        ({1: 2**70, None: False}, '{"1":"1180591620717411303424","null":false}'),
        ({"amount": Decimal("1.10")}, '{"amount":"1.10"}'),
        ([Decimal("NaN"), Decimal("1E+3")], '[null,"1000"]'),
        ([math.nan, math.inf, -math.inf, 1.5], "[null,null,null,1.5]"),
        ([date(2025, 3, 9), time(7, 30)], '["2025-03-09","07:30:00"]'),
        ([datetime(2025, 7, 1, 12, tzinfo=UTC)], '["2025-07-01T12:00:00Z"]'),
        ([datetime.fromisoformat("2025-07-01T12:00")], '["2025-07-01T12:00:00"]'),
        ([UUID(int=7)], '["00000000-0000-0000-0000-000000000007"]'),
        ([b"\x00\xff"], '["AP8="]'),
        (["a\ud800"], '["a\ufffd"]'),
    ],
)
def test_it_writes_structures_as_compact_exact_json(value: object, text: str) -> None:
    assert text_of(value) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE_INTEGER, SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_a_structure_reads_back(value: Any) -> None:
    assert json.loads(text_of(value)) == value


def test_it_counts_what_json_cannot_hold() -> None:
    values = JsonValues(tally := Tally())
    for value in ([math.nan, math.inf], ["\ud800"], [datetime.fromisoformat("2025-07-01T12:00")], [1]):
        values.text(value)

    assert tally.counts == {NOT_FINITE: 1, REPLACED: 1, WITHOUT_ZONE: 1}


def test_it_refuses_what_json_cannot_hold_at_all() -> None:
    with pytest.raises(RenderFailed, match="JSON can't hold a value of this data"):
        text_of({(1, 2): 3})


def test_each_format_writes_the_same() -> None:
    value, text = [Decimal("1.10"), math.inf, 2**60], '["1.10",null,"1152921504606846976"]'
    column = Column("v", "V")

    ndjson, json_notes = export(NdjsonExporter(), [column], [[value]])
    csv, csv_notes = export(CsvExporter(), [column], [[value]])
    cell, cell_notes = cell_written(value)

    assert ndjson.decode() == f'{{"v":{text}}}\n'
    assert csv.decode("utf-8-sig").splitlines()[1] == '"' + text.replace('"', '""') + '"'
    assert cell.value == text
    assert json_notes == csv_notes == cell_notes
