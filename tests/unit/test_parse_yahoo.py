"""Yahoo: nulls, time zones, the open session, odd orders, other intervals, unknown symbols."""

import datetime as dt
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Answer, Parsed, UnreadableAnswer, UpstreamError
from services.fetcher.sources.yahoo import SOURCE, Yahoo
from tests.strategies.depth import examples
from tests.unit.answers import CHART, FETCHED_AT, answer, chart

ZONES = ["America/New_York", "Europe/London", "Asia/Tokyo", "Australia/Sydney", "Asia/Kolkata"]
MOMENTS = st.integers(-3_000_000_000, 1_730_000_000)
PRICES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def bars_of(parsed: Parsed) -> list[dict[str, Any]]:
    return [bar for rows in parsed.rows for bar in rows.table.to_pylist()]


def moment(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


@examples(100)
@given(st.lists(st.tuples(MOMENTS, PRICES), unique_by=lambda bar: bar[0]), st.sampled_from(ZONES))
def test_each_day_with_a_close_is_one_bar_and_the_later_counts(
    given_bars: list[tuple[int, float | None]], zone: str
) -> None:
    expected: dict[dt.date, float] = {}
    complete = sorted((when, close) for when, close in given_bars if close is not None)
    for when, close in complete:
        day = dt.datetime.fromtimestamp(when, ZoneInfo(zone)).date()
        expected[day] = close
    parsed = SOURCE.parse(
        chart(
            [when for when, _ in given_bars],
            [close for _, close in given_bars],
            exchangeTimezoneName=zone,
        )
    )
    assert [(bar["date"], bar["close"]) for bar in bars_of(parsed)] == list(expected.items())
    assert sum(parsed.skipped.values()) == len(given_bars) - len(expected)
    assert parsed.skipped.get("no close", 0) == len(given_bars) - len(complete)


def test_a_bar_without_open_or_volume_is_published_with_null() -> None:
    quote = {"open": [None], "volume": [None]}
    (bar,) = bars_of(SOURCE.parse(chart([moment("2024-10-30T13:30Z")], [5.0], quote=quote)))
    assert (bar["open"], bar["close"], bar["volume"], bar["adj_close"]) == (None, 5.0, None, 5.0)


def test_currency_and_symbol_stay_as_quoted_and_negative_first_trade_dates_do_no_harm() -> None:
    (bar,) = bars_of(
        SOURCE.parse(
            chart(
                [moment("2024-10-30T08:00Z")],
                [101.5],
                symbol="OCDO.L",
                currency="GBp",
                exchangeTimezoneName="Europe/London",
                firstTradeDate=-1325583000,
            )
        )
    )
    assert (bar["ticker"], bar["currency"]) == ("OCDO.L", "GBp")


def test_nan_is_read_as_null() -> None:
    good = chart([moment("2024-10-29T13:30Z"), moment("2024-10-30T13:30Z")], [1.25, 7.5])
    parsed = SOURCE.parse(answer(good.url, good.body.replace(b"7.5", b"NaN")))
    assert [bar["close"] for bar in bars_of(parsed)] == [1.25]
    assert parsed.skipped == {"no close": 1}
    assert parsed.warnings == ["NaN or Infinity in JSON, read as null"]


def test_a_weekend_without_bars_is_no_error() -> None:
    assert SOURCE.parse(chart(None, [], quote=dict.fromkeys(["open", "close"]))).records == 0


@pytest.mark.parametrize("interval", ["1m", "1h", "1wk", "1mo"])
def test_other_intervals_than_a_day_are_counted_and_not_published(interval: str) -> None:
    parsed = SOURCE.parse(chart([moment("2024-10-30T13:30Z")], [5.0], dataGranularity=interval))
    assert parsed.records == 0
    assert parsed.skipped == {f"not daily ({interval})": 1}


class TestOpenSession:
    """A Wednesday in New York: the session is from 13:30 to 20:00 UTC."""

    PERIOD: ClassVar = {
        "regular": {"start": moment("2024-10-30T13:30Z"), "end": moment("2024-10-30T20:00Z")}
    }
    BARS: ClassVar = [moment("2024-10-29T13:30Z"), moment("2024-10-30T18:07Z")]

    def parse(self, now: str, source: Yahoo = SOURCE, **meta: Any) -> Parsed:
        fetched_at = dt.datetime.fromisoformat(now)
        meta = {"currentTradingPeriod": self.PERIOD, **meta}
        return source.parse(chart(self.BARS, [1.0, 2.0], fetched_at, **meta))

    def test_its_bar_is_left_out_and_counted(self) -> None:
        parsed = self.parse("2024-10-30T18:07+00:00")
        assert [bar["date"] for bar in bars_of(parsed)] == [dt.date(2024, 10, 29)]
        assert parsed.skipped == {"session still open": 1}

    def test_its_bar_is_published_as_not_final_where_asked_for(self) -> None:
        bars = bars_of(self.parse("2024-10-30T18:07+00:00", Yahoo(open_session=True)))
        assert [bar["is_final"] for bar in bars] == [True, False]

    @pytest.mark.parametrize(
        ("now", "quoted", "over"),
        [
            ("2024-10-30T20:05+00:00", "2024-10-30T19:45+00:00", False),
            ("2024-10-30T20:05+00:00", "2024-10-30T20:00+00:00", True),
            ("2024-10-30T20:30+00:00", "2024-10-30T19:45+00:00", True),
            ("2024-10-31T09:00+00:00", "2024-10-30T19:45+00:00", True),
        ],
    )
    def test_it_is_over_when_the_last_quote_says_so_or_half_an_hour_later(
        self, now: str, quoted: str, over: bool
    ) -> None:
        parsed = self.parse(now, regularMarketTime=moment(quoted))
        assert len(bars_of(parsed)) == 1 + over

    def test_without_a_trading_period_the_day_of_the_fetch_counts_as_open(self) -> None:
        assert len(bars_of(self.parse("2024-10-30T23:00+00:00", currentTradingPeriod=None))) == 1
        assert len(bars_of(self.parse("2024-10-31T12:00+00:00", currentTradingPeriod=None))) == 2


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_vanished_column_is_named(column: str) -> None:
    with pytest.raises(UnreadableAnswer, match=f"'{column}' of Yahoo's bars has vanished"):
        SOURCE.parse(chart([0], [1.0], quote={column: None}))


def test_a_new_column_is_warned_about() -> None:
    parsed = SOURCE.parse(chart([0], [1.0], quote={"vwap": [1.0]}))
    assert parsed.records == 1
    assert parsed.warnings == ["new column 'vwap' in Yahoo's bars"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (chart([0, 1], [1.0]), "'open' has 1 values for 2 bars"),
        (chart([0], ["x"]), "'open' holds something that is no number"),  # type: ignore[list-item]
        (chart([0], [1.0], exchangeTimezoneName=None), "'exchangeTimezoneName' has vanished"),
        (chart([0], [1.0], exchangeTimezoneName="Mars/Olympus"), "'Mars/Olympus' is wrong"),
        (chart([2**62], [1.0]), "'timestamp'"),
        (answer(f"{CHART}/AAPL", b'{"chart":{"result":null,"error":null}}'), "'result' is missing"),
        (answer(f"{CHART}/AAPL", b'{"charts":{}}'), "'chart' is missing"),
        (answer(f"{CHART}/AAPL", b"[]"), "a JSON object was expected"),
        (answer(f"{CHART}/AAPL", b'{"chart":{"result":[{"me'), "truncated JSON"),
        (answer(f"{CHART}/AAPL", b""), "empty"),
    ],
)
def test_a_changed_or_broken_answer_fails_and_says_where(body: Answer, message: str) -> None:
    with pytest.raises(UnreadableAnswer, match=message):
        SOURCE.parse(body)


NOT_FOUND = (
    b'{"chart":{"result":null,"error":{"code":"Not Found","description":"may be delisted"}}}'
)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (NOT_FOUND, 404, "unknown symbol NOPE"),
        (NOT_FOUND, 200, "unknown symbol NOPE"),
        (b'{"chart":{"error":{"code":"Bad Request","description":"No range"}}}', 422, "No range"),
        (b'{"finance":{"error":{"code":"Unauthorized","description":"Crumb"}}}', 401, "Crumb"),
        (b"<html>Too many requests</html>", 200, "web page"),
        (b"<html>Too many requests</html>", 429, "HTTP 429, retry after 60$"),
        (b"Too Many Requests\r\n", 429, "HTTP 429, retry after 60: Too Many"),
        (b"{}", 503, "HTTP 503"),
        (b'{"cut', 500, "HTTP 500"),
    ],
)
def test_an_error_is_the_upstreams_and_in_its_words(body: bytes, status: int, message: str) -> None:
    with pytest.raises(UpstreamError, match=message) as caught:
        SOURCE.parse(answer(f"{CHART}/NOPE", body, status, headers={"retry-after": "60"}))
    assert "delisted" not in str(caught.value)


def test_volumes_beyond_a_float_are_exact_and_fractions_are_rounded_with_a_warning() -> None:
    big = 2**53 + 1
    (bar,) = bars_of(SOURCE.parse(chart([0], [1.0], quote={"volume": [big]})))
    assert bar["volume"] == big
    parsed = SOURCE.parse(chart([0], [1.0], quote={"volume": [10.6]}))
    assert bars_of(parsed)[0]["volume"] == 11
    assert len(parsed.warnings) == 1


def test_bars_were_known_when_they_were_fetched() -> None:
    (rows,) = SOURCE.parse(chart([0], [1.0])).rows
    assert rows.as_of == FETCHED_AT


@pytest.mark.parametrize("there", ["", '"adjclose":[]', '"adjclose":[{}]', '"adjclose":[null]'])
def test_bars_without_adjusted_closes_are_refused_rather_than_wipe_those_that_are_stored(
    there: str,
) -> None:
    whole = chart([1_727_098_200], [100.0])
    body = whole.body.replace(
        b',"adjclose":[{"adjclose":[100.0]}]', f",{there}".rstrip(",").encode()
    )
    assert body != whole.body
    with pytest.raises(UnreadableAnswer, match="'adjclose' of Yahoo's bars has vanished"):
        SOURCE.parse(answer(whole.url, body))


@pytest.mark.parametrize("kind", ["FUTURE", "CURRENCY", "CRYPTOCURRENCY", "INDEX"])
def test_where_nothing_is_adjusted_for_the_close_stands_for_it(kind: str) -> None:
    (bar,) = bars_of(SOURCE.parse(chart([0], [100.0], adjclose=[], instrumentType=kind)))
    assert bar["adj_close"] == 100.0


def test_a_bar_without_a_timestamp_costs_that_bar_alone() -> None:
    days = [moment("2024-10-28T13:30Z"), None, moment("2024-10-30T13:30Z")]
    parsed = SOURCE.parse(chart(days, [1.0, 2.0, 3.0], adjclose=[0.5, 1.5, 2.5]))
    assert [(bar["date"].day, bar["close"], bar["adj_close"]) for bar in bars_of(parsed)] == [
        (28, 1.0, 0.5),
        (30, 3.0, 2.5),
    ]
    assert parsed.skipped == {"no timestamp": 1}
    with pytest.raises(UnreadableAnswer, match="'timestamp' holds no moment"):
        SOURCE.parse(chart([None, None], [1.0, 2.0]))
