"""CBOE: both shapes of a history, changed headers and days that do not exist."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Parsed, UnknownNameError, UnreadableAnswer, UpstreamError
from services.fetcher.sources.cboe import SOURCE
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, HISTORY, history

DAYS = st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31))
FIGURES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def rows_of(parsed: Parsed) -> list[dict[str, object]]:
    (rows,) = parsed.rows
    return list(rows.table.to_pylist())


def written(figure: float | None) -> str:
    return "" if figure is None else repr(figure)


@examples(100)
@given(st.lists(st.tuples(DAYS, FIGURES, FIGURES, FIGURES, FIGURES), min_size=1), st.booleans())
def test_every_candle_with_a_close_becomes_a_row_in_order(
    candles: list[tuple[dt.date, float | None, float | None, float | None, float | None]],
    new_column: bool,
) -> None:
    text = "DATE,OPEN,HIGH,LOW,CLOSE" + (",VOLUME" if new_column else "") + "\n"
    for day, *prices in candles:
        fields = [f"{day:%m/%d/}{day.year:04}", *map(written, prices), *["9"] * new_column]
        text += ",".join(fields) + "\n"
    parsed = SOURCE.parse(history(text))
    assert rows_of(parsed) == [
        {"symbol": "VIX", "date": d, "open": o, "high": h, "low": low, "close": c}
        for d, o, h, low, c in candles
        if c is not None
    ]
    assert parsed.skipped.get("no close", 0) == sum(c is None for *_, c in candles)
    assert len(parsed.warnings) == new_column


@examples(100)
@given(st.lists(st.tuples(DAYS, FIGURES), min_size=1))
def test_a_history_of_closes_has_null_for_the_rest(
    closes: list[tuple[dt.date, float | None]],
) -> None:
    lines = [f"{day:%m/%d/}{day.year:04},{written(close)}\n" for day, close in closes]
    parsed = SOURCE.parse(history("DATE,VVIX\n" + "".join(lines), "VVIX"))
    assert [(row["date"], row["close"]) for row in rows_of(parsed)] == [
        (day, close) for day, close in closes if close is not None
    ]
    assert all(row["open"] is None and row["symbol"] == "VVIX" for row in rows_of(parsed))


def test_blanks_around_what_is_written_make_no_difference() -> None:
    text = "DATE, OPEN, HIGH, LOW, CLOSE\n01/02/2024 , 1, 4, 1 ,3 \n"
    (row,) = rows_of(SOURCE.parse(history(text)))
    assert tuple(row.values()) == ("VIX", dt.date(2024, 1, 2), 1.0, 4.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "<html>gone</html>"), (403, "<Error><Code>AccessDenied</Code></Error>")],
)
def test_an_index_that_does_not_exist_is_said_to(status: int, body: str) -> None:
    with pytest.raises(UnknownNameError, match="index NOPE does not exist"):
        SOURCE.parse(replace(history(body, "NOPE"), status=status))
    with pytest.raises(UpstreamError, match="HTTP 403") as refused:
        SOURCE.parse(replace(history("<html>Blocked</html>"), status=403))
    assert refused.type is UpstreamError


def test_an_impossible_candle_is_published_as_it_is() -> None:
    (row,) = rows_of(SOURCE.parse(history("DATE,OPEN,HIGH,LOW,CLOSE\n10/30/2013,15,14,13,16\n")))
    assert (row["low"], row["high"], row["close"]) == (13.0, 14.0, 16.0)


def test_line_ends_case_and_a_byte_order_mark_make_no_difference() -> None:
    text = "\ufeffDate, Open, High, Low, Close\r\n1/2/2024,1,2,3,4\r\n"
    (row,) = rows_of(SOURCE.parse(history(text)))
    assert (row["date"], row["close"]) == (dt.date(2024, 1, 2), 4.0)


def test_last_modified_says_when_it_was_known() -> None:
    text = "DATE,VIX\n01/02/2024,13.2\n"
    (rows,) = SOURCE.parse(history(text, last_modified="Fri, 01 Nov 2024 20:30:00 GMT")).rows
    assert rows.as_of == dt.datetime(2024, 11, 1, 20, 30, tzinfo=dt.UTC)
    for useless in ("yesterday", "Fri, 01 Nov 2090 20:30:00 GMT"):
        (rows,) = SOURCE.parse(history(text, last_modified=useless)).rows
        assert rows.as_of == FETCHED_AT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("DATE,OPEN,HIGH,CLOSE\n01/02/2024,1,2,3\n", "LOW is missing"),
        ("DATE,VIX\n", "no history"),
        ("DATE,VVIX\n01/02/2024,1\n", "VIX"),
        ("DAY,VIX\n01/02/2024,1\n", "header is not DATE"),
        ("DATE,VIX,VIX\n01/02/2024,1,2\n", "header is not DATE"),
        ("DATE,VIX\n2024-01-02,1\n", "not MM/DD/YYYY"),
        ("DATE,VIX\n01/02/2024,1\n01/03/20", "malformed CSV"),
        ("DATE,VIX\n01/02/2024,1\n01/03/20,1", "not MM/DD/YYYY"),
        ("DATE,VIX\n02/30/2024,1\n", "day that does not exist"),
        ("DATE,VIX\n13/01/2024,1\n", "day that does not exist"),
        ("DATE,VIX\n01/02/2024,n/a\n", "'VIX' holds a text that is not a number"),
        ("DATE,VIX\n01/02/2024,nan\n", "'close' holds NaN or Infinity"),
        ("DATE,VIX\n,1\n", "not MM/DD/YYYY"),
    ],
)
def test_a_changed_or_broken_file_fails_and_says_where(text: str, message: str) -> None:
    with pytest.raises(UnreadableAnswer, match=message):
        SOURCE.parse(history(text))


def test_a_web_page_in_place_of_data_is_the_upstreams_error() -> None:
    with pytest.raises(UpstreamError, match="web page"):
        SOURCE.parse(history("  <!DOCTYPE html><html>Please wait</html>"))


def test_the_symbol_comes_from_the_url() -> None:
    assert SOURCE.matches(f"{HISTORY}/VIX9D_History.csv")
    assert not SOURCE.matches(f"{HISTORY}/VIX9D.csv")
    assert not SOURCE.matches(f"https://example.org{HISTORY}/VIX_History.csv")
