"""Checks of quality: which rows each flags, alike over Arrow and in SQL."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from shared.columns import UTC_MICROSECONDS
from shared.dataset import Check, Comparison, Dataset
from shared.datasets.cboe_vix_history import DATASET as CBOE_VIX_HISTORY
from shared.datasets.data_refresh_log import DATASET as DATA_REFRESH_LOG
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.datasets.yfinance_ohlcv import DATASET as YFINANCE_OHLCV
from shared.registry import discover

AS_OF = dt.datetime(2024, 7, 1, 20, tzinfo=dt.UTC)
GOOD = {"open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5, "date": AS_OF.date()}


def table(dataset: Dataset, *rows: Mapping[str, Any]) -> pa.Table:
    """Return rows as a decoded batch; what a row leaves out is null."""
    schema = dataset.arrow_schema
    if dataset.versioned:
        schema = schema.append(pa.field("as_of", UTC_MICROSECONDS))
    return pa.Table.from_pylist([{"as_of": AS_OF, **row} for row in rows], schema=schema)


def by_sql(dataset: Dataset, rows: pa.Table) -> dict[str, int]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.register("given", rows)
        counts = {}
        for name, sql in dataset.check_sql.items():
            found = connection.execute(f"SELECT count(*) FILTER (WHERE {sql}) FROM given")
            (counts[name],) = found.fetchone() or (0,)
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("changed", "flagged"),
    [
        ({}, {}),
        ({"close": 0.5}, {"impossible_candle": 1}),
        ({"open": 3.5}, {"impossible_candle": 1}),
        ({"low": 4.0}, {"impossible_candle": 1}),
        ({"open": None, "high": None, "low": None}, {}),
        ({"high": None, "close": 0.5}, {"impossible_candle": 1}),
        ({"low": -1.0}, {"negative": 1}),
        ({"date": dt.date(2024, 7, 2)}, {}),
        ({"date": dt.date(2024, 7, 3)}, {"in_future": 1}),
    ],
)
def test_a_candle(changed: Mapping[str, Any], flagged: Mapping[str, int]) -> None:
    rows = table(CBOE_VIX_HISTORY, GOOD, {**GOOD, **changed})
    assert CBOE_VIX_HISTORY.count_flagged(rows) == flagged
    assert by_sql(CBOE_VIX_HISTORY, rows) == flagged


def test_a_negative_volume_and_a_negative_price_which_oil_has_had() -> None:
    rows = table(YFINANCE_OHLCV, {"volume": -1}, {"close": -37.63, "volume": 1})
    assert YFINANCE_OHLCV.count_flagged(rows) == {"negative": 1} == by_sql(YFINANCE_OHLCV, rows)


def test_a_moment_may_lie_a_day_ahead() -> None:
    day, second = dt.timedelta(days=1), dt.timedelta(seconds=1)
    rows = table(NEWS_ARTICLES, *({"published_at": AS_OF + d} for d in (day, day + second)))
    assert NEWS_ARTICLES.count_flagged(rows) == {"in_future": 1} == by_sql(NEWS_ARTICLES, rows)


def test_a_dataset_without_versions_is_checked_too() -> None:
    rows = table(DATA_REFRESH_LOG, {"records_updated": -1}, {"duration_seconds": 1.0})
    assert DATA_REFRESH_LOG.count_flagged(rows) == {"negative": 1}


@pytest.mark.parametrize("dataset", discover(), ids=lambda d: d.name)
def test_checks_of_every_dataset_run_in_both_ways(dataset: Dataset) -> None:
    nothing = table(dataset, {})
    assert dataset.count_flagged(nothing) == {} == by_sql(dataset, nothing)
    assert dataset.count_flagged(nothing.slice(0, 0)) == {}


@pytest.mark.parametrize(
    ("checks", "complaint"),
    [
        ((Check("a", "", (Comparison("gone", "<", 0),)),), "there are not"),
        ((Check("a", "", (Comparison("close", "<", 0),)),) * 2, "one name"),
        ((Check("No Name", "", (Comparison("close", "<", 0),)),), "No Name"),
    ],
)
def test_a_wrong_check_is_refused(checks: tuple[Check, ...], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Dataset("bars", CBOE_VIX_HISTORY.row, ("symbol", "date"), "daily", checks=checks)


def test_a_retention_lasts() -> None:
    with pytest.raises(TypeError, match="retention"):
        Dataset("bars", CBOE_VIX_HISTORY.row, ("symbol",), "daily", retention=dt.timedelta())
