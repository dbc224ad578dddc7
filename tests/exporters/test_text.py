"""Values as text: nothing is lost, nothing is in exponents, every text reads back."""

import base64
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exporters.text import (
    OUTSIDE_CALENDAR,
    binary_text,
    decimal_text,
    decimal_texts,
    float_text,
    in_zone,
    instants_in,
)
from portal.tally import WITHOUT_ZONE, Tally

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NAIVE = datetime.fromisoformat("2025-07-01T12:00:00.250000")
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)

PLAIN_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
ANY_DECIMALS = PLAIN_DECIMALS | st.sampled_from(
    [Decimal(text) for text in ("NaN", "-NaN", "sNaN", "NaN7", "Infinity", "-Infinity", "1E+40", "-0E-9")]
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "-0"),
        ("1.10", "1.10"),
        ("-1234567890.123456789012345678901234567890", "-1234567890.123456789012345678901234567890"),
        ("1E+3", "1000"),
        ("-1.5E+3", "-1500"),
        ("1E-9", "0.000000001"),
        ("0E-8", "0.00000000"),
        ("0E+2", "0"),
        ("1E+400", "1" + "0" * 400),
        ("NaN", "NaN"),
        ("-NaN", "NaN"),
        ("sNaN", "NaN"),
        ("NaN123", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
    ],
)
def test_it_writes_every_digit_of_a_decimal_and_no_exponent(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text
    assert decimal_texts([Decimal(value), Decimal("2.50")]) == [text, "2.50"]


@given(PLAIN_DECIMALS)
def test_a_decimal_reads_back_with_its_digits(value: Decimal) -> None:
    text = decimal_text(value)
    assert "E" not in text
    assert Decimal(text) == value
    assert Decimal(text).is_signed() == value.is_signed()
    assert -int(Decimal(text).as_tuple().exponent) == max(0, -int(value.as_tuple().exponent)), (
        "1.10 is not 1.1"
    )


@given(st.lists(ANY_DECIMALS))
def test_a_column_of_decimals_is_written_as_each_of_them(values: list[Decimal]) -> None:
    assert decimal_texts(values) == [decimal_text(value) for value in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e22, "1e+22"),
        (5e-324, "5e-324"),
        (math.nan, "NaN"),
        (-math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_it_names_what_is_no_number_as_json_readers_do(value: float, text: str) -> None:
    assert float_text(value) == text


@given(st.floats(allow_nan=False))
def test_a_float_reads_back(value: float) -> None:
    back = float(float_text(value))
    assert (back, math.copysign(1, back)) == (value, math.copysign(1, value))


@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        ("2025-07-01T12:00:00+00:00", BERLIN, "2025-07-01T14:00:00+02:00"),
        ("2025-01-01T12:00:00.000001+05:30", BERLIN, "2025-01-01T07:30:00.000001+01:00"),
        ("2025-10-26T00:30:00+00:00", BERLIN, "2025-10-26T02:30:00+02:00"),
        ("2025-10-26T01:30:00+00:00", BERLIN, "2025-10-26T02:30:00+01:00"),
        ("2025-07-01T12:00:00.250000", BERLIN, "2025-07-01T12:00:00.250000"),
        # The last and the first instant that the calendar has in each zone; those of 1 are local mean time.
        ("9999-12-31T22:59:59.999999+00:00", BERLIN, "9999-12-31T23:59:59.999999+01:00"),
        ("9999-12-31T23:00:00+00:00", BERLIN, "9999-12-31T23:00:00+00:00"),
        ("9999-12-31T23:59:59+00:00", NEW_YORK, "9999-12-31T18:59:59-05:00"),
        ("0001-01-01T04:56:02+00:00", NEW_YORK, "0001-01-01T00:00:00-04:56:02"),
        ("0001-01-01T04:56:01+00:00", NEW_YORK, "0001-01-01T04:56:01+00:00"),
        ("0001-01-01T00:00:00+00:00", BERLIN, "0001-01-01T00:53:28+00:53:28"),
        # These have no instant in UTC at all.
        ("0001-01-01T00:00:00+14:00", BERLIN, "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59-12:00", NEW_YORK, "9999-12-31T23:59:59-12:00"),
    ],
)
def test_it_shows_an_instant_in_a_zone_and_leaves_what_it_cannot_move(
    moment: str, zone: ZoneInfo, shown: str
) -> None:
    value = datetime.fromisoformat(moment)
    moved = in_zone(value, zone)
    assert moved.isoformat() == shown
    assert moved is value or moved.tzinfo is zone


def test_it_returns_instants_that_need_nothing_unchanged() -> None:
    values = [datetime(2025, 7, 1, 12, tzinfo=BERLIN), NAIVE, NAIVE]
    tally = Tally()
    assert instants_in(values, BERLIN, tally) is values
    assert tally.counts == {WITHOUT_ZONE: 2}


@pytest.mark.parametrize(
    ("values", "zone", "shown", "counts"),
    [
        ([], BERLIN, [], {}),
        ([NEVER], BERLIN, ["9999-12-31T23:59:59+00:00"], {OUTSIDE_CALENDAR: 1}),
        ([NEVER], NEW_YORK, ["9999-12-31T18:59:59-05:00"], {}),
        ([NEVER], UTC, ["9999-12-31T23:59:59+00:00"], {}),
        ([FIRST, FIRST], NEW_YORK, ["0001-01-01T00:00:00+00:00"] * 2, {OUTSIDE_CALENDAR: 2}),
        ([FIRST], BERLIN, ["0001-01-01T00:53:28+00:53:28"], {}),
        (
            [NAIVE, NEVER, datetime(2025, 7, 1, tzinfo=UTC)],
            BERLIN,
            ["2025-07-01T12:00:00.250000", "9999-12-31T23:59:59+00:00", "2025-07-01T02:00:00+02:00"],
            {WITHOUT_ZONE: 1, OUTSIDE_CALENDAR: 1},
        ),
    ],
)
def test_it_counts_instants_without_a_zone_and_those_it_could_not_move(
    values: Sequence[datetime], zone: ZoneInfo, shown: list[str], counts: dict[str, int]
) -> None:
    tally = Tally()
    assert [value.isoformat() for value in instants_in(values, zone, tally)] == shown
    assert tally.counts == counts


OFFSETS = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))


@given(
    st.lists(st.datetimes(timezones=st.none() | OFFSETS | st.sampled_from([UTC, BERLIN, NEW_YORK]))),
    st.sampled_from([UTC, BERLIN, NEW_YORK]),
)
def test_every_instant_stays_the_same_instant(values: list[datetime], zone: ZoneInfo) -> None:
    tally = Tally()
    shown = instants_in(values, zone, tally)
    assert list(shown) == [in_zone(value, zone) for value in values]
    assert [value.utcoffset() is None for value in shown] == [value.utcoffset() is None for value in values]
    for before, after in zip(values, shown, strict=True):
        assert _instant(before) == _instant(after)
    assert tally.counts[WITHOUT_ZONE] == sum(value.tzinfo is None for value in values)
    assert tally.counts[OUTSIDE_CALENDAR] == sum(value.tzinfo not in (None, zone) for value in shown)


def _instant(value: datetime) -> timedelta:
    """Return the time since the year 1 began in UTC; it may be negative, which no datetime can."""
    return value.replace(tzinfo=UTC) - FIRST - (value.utcoffset() or timedelta())


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@given(data=st.binary())
def test_bytes_read_back_from_base64(kind: type, data: bytes) -> None:
    assert base64.b64decode(binary_text(kind(data)), validate=True) == data


def test_it_pads_base64_and_uses_its_first_alphabet() -> None:
    assert binary_text(b"\xfb\xff\xfe\x00") == "+//+AA=="
