"""The texts of a query: each type's reading, and what each refuses."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.values import (
    MAX_VALUES,
    read_as_of,
    read_bound,
    read_date,
    read_moment,
    read_value,
    split_values,
)
from shared.columns import Kind
from shared.record import encode_time

DAY = dt.date(2008, 10, 30)
LAST = dt.datetime(2008, 10, 30, 23, 59, 59, 999999, dt.UTC)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["GDP"], ["GDP"]),
        (["GDP,UNRATE"], ["GDP", "UNRATE"]),
        (["GDP", "UNRATE"], ["GDP", "UNRATE"]),
        (['"Retail, total",GDP'], ["Retail, total", "GDP"]),
        (['"say ""so"""'], ['say "so"']),
        (["line\nbreak"], None),
        ([""], None),
        (["GDP,"], None),
        (['"open'], None),
        (['"a"b'], None),
        (["x," * MAX_VALUES + "x"], None),
    ],
)
def test_lists(texts: list[str], values: list[str] | None) -> None:
    if values is None:
        with pytest.raises(ValueError):
            split_values(texts)
    else:
        assert split_values(texts) == values


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "'; DROP TABLE fred_data; --", "'; DROP TABLE fred_data; --"),
        (Kind.TEXTS, "AAPL", "AAPL"),
        (Kind.BIGINT, "-9223372036854775808", -(2**63)),
        (Kind.FLOAT, "1e-7", 1e-7),
        (Kind.BOOLEAN, "true", True),
        (Kind.BOOLEAN, "false", False),
        (Kind.DATE, "2008-10-30", DAY),
        (Kind.TIMESTAMP, "2008-10-30T23:59:59.999999Z", LAST),
    ],
)
def test_values(kind: Kind, text: str, value: object) -> None:
    assert read_value(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.TEXT, "a\0b"),
        (Kind.BIGINT, "9223372036854775808"),
        (Kind.BIGINT, "1.5"),
        (Kind.BIGINT, "\N{FULLWIDTH DIGIT ONE}"),
        (Kind.BIGINT, "1_000"),
        (Kind.FLOAT, "NaN"),
        (Kind.FLOAT, "inf"),
        (Kind.FLOAT, "1e400"),
        (Kind.BOOLEAN, "True"),
        (Kind.BOOLEAN, "1"),
        (Kind.DATE, "2008-1-1"),
        (Kind.DATE, "2008-02-30"),
        (Kind.DATE, "0000-01-01"),
        (Kind.DATE, "20081030"),
        (Kind.TIMESTAMP, "2008-10-30T12:00:00"),
        (Kind.TIMESTAMP, "2008-10-30"),
        (Kind.TIMESTAMP, "2008-10-30T25:00:00Z"),
        (Kind.TIMESTAMP, "2008-10-30T12:00:00+99:00"),
        (Kind.TIMESTAMP, "0001-01-01T00:00:00+01:00"),
        (Kind.BYTES, "x"),
    ],
)
def test_refused_values(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError):
        read_value(kind, text)


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_moments_read_back(moment: dt.datetime) -> None:
    assert read_moment(encode_time(moment)) == moment


@given(st.dates())
def test_dates_read_back(day: dt.date) -> None:
    assert read_date(day.isoformat()) == day


def test_a_plus_that_a_url_made_a_blank_is_a_plus() -> None:
    assert read_moment("2008-10-30T12:00:00 02:00") == read_moment("2008-10-30T10:00:00Z")


def test_as_of_a_date_is_its_last_microsecond() -> None:
    assert read_as_of("2008-10-30") == LAST
    assert read_as_of("2008-10-30T12:00:00-05:00") == dt.datetime(2008, 10, 30, 17, tzinfo=dt.UTC)


def test_bounds_of_a_date_column() -> None:
    assert read_bound(Kind.DATE, "2008-10-30", end=False) == DAY
    assert read_bound(Kind.DATE, "2008-10-31T01:00:00+02:00", end=True) == DAY


def test_bounds_of_a_timestamp_column_hold_the_whole_day() -> None:
    assert read_bound(Kind.TIMESTAMP, "2008-10-30", end=False) == dt.datetime(
        2008, 10, 30, tzinfo=dt.UTC
    )
    assert read_bound(Kind.TIMESTAMP, "2008-10-30", end=True) == LAST


@pytest.mark.parametrize("text", ["", "yesterday", "2008", "2008-10-30 12:00", "2008-13-01"])
def test_refused_days(text: str) -> None:
    with pytest.raises(ValueError):
        read_as_of(text)
    with pytest.raises(ValueError):
        read_bound(Kind.DATE, text, end=False)
