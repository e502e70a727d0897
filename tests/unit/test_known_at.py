"""When rows were known to the world, where their dataset can tell."""

import datetime as dt

import pytest

from shared.registry import discover

DATASETS = discover()
DAY = dt.date(2024, 7, 1)
WINTER = dt.date(2024, 1, 2)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("ticker", "day", "closed"),
    [
        ("AAPL", DAY, "2024-07-01T20:00"),
        ("AAPL", WINTER, "2024-01-02T21:00"),
        ("BRK-B", DAY, "2024-07-01T20:00"),
        ("^GSPC", DAY, "2024-07-01T20:00"),
        ("OCDO.L", DAY, "2024-07-01T15:35"),
        ("7203.T", DAY, "2024-07-01T06:30"),
    ],
)
def test_a_bar_is_known_at_the_close_of_its_session(ticker: str, day: dt.date, closed: str) -> None:
    known_at = DATASETS["yfinance_ohlcv"].known_at
    assert known_at is not None
    assert known_at({"ticker": ticker, "date": day}) == moment(closed)


@pytest.mark.parametrize("ticker", ["EURUSD=X", "BTC-USD", "GC=F", "VFINX", "^FTSE", "X.UNKNOWN"])
def test_where_the_session_is_not_known_the_whole_day_must_be_over(ticker: str) -> None:
    known_at = DATASETS["yfinance_ohlcv"].known_at
    assert known_at is not None
    assert known_at({"ticker": ticker, "date": DAY}) == moment("2024-07-01T23:59:59.999999")


def test_an_ici_week_is_known_after_its_publication_lag() -> None:
    known_at = DATASETS["ici_etf_weekly_flows"].known_at
    assert known_at is not None
    assert known_at({"week_ending": DAY}) == moment("2024-07-09T23:59:59.999999")


def test_those_that_cannot_tell_say_nothing() -> None:
    telling = {dataset.name for dataset in DATASETS if dataset.known_at}
    assert telling == {
        "cboe_vix_history", "corporate_actions", "ici_etf_monthly_flows", "ici_etf_weekly_flows",
        "news_articles", "news_sentiment", "options_chain", "options_data", "technical_features",
        "yfinance_ohlcv",
    }  # fmt: skip
