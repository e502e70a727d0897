"""Answers of the upstreams in the shape that they really have, of any length."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import orjson

FETCHED_AT = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
_FIRST_DAY = np.datetime64("1750-01-01")
_DAY = 86_400


def observations_url(series: str, **query: str) -> str:
    """Return the URL by which FRED is asked for a series."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    base = f"https://api.stlouisfed.org/fred/series/observations?series_id={series}"
    return f"{base}&file_type=json{'&' * bool(asked)}{asked}"


def observations(rows: int, *, vintages: int = 0, seed: int = 1) -> bytes:
    """Return FRED's answer with daily observations, every thirtieth missing.

    With `vintages` the days repeat, each with that many values known one after the other.
    """
    random = np.random.default_rng(seed)
    number = np.arange(rows)
    days = _days(number // (vintages or 1))
    figures = random.integers(0, 2_000, rows)
    values = ["." if n % 30 == 0 else f"{figure / 100:.2f}" for n, figure in enumerate(figures)]
    starts: Sequence[str] = ["2026-11-02"] * rows
    if vintages:
        starts = np.datetime_as_string(np.datetime64("2024-01-01") + number % vintages).tolist()
    listed = [
        {"realtime_start": start, "realtime_end": start, "date": day, "value": value}
        for start, day, value in zip(starts, days, values, strict=True)
    ]
    first, last = ("1776-07-04", "9999-12-31") if vintages else ("2026-11-02", "2026-11-02")
    head = {"realtime_start": first, "realtime_end": last, "observation_start": "1600-01-01"}
    head |= {"observation_end": "9999-12-31", "units": "lin"}
    head |= {"file_type": "json", "order_by": "observation_date", "sort_order": "asc"}
    counts = {"output_type": 1, "count": rows, "offset": 0, "limit": 100_000}
    return orjson.dumps({**head, **counts, "observations": listed})


RELEASE_URL = "https://api.stlouisfed.org/fred/v2/release/observations?release_id=18&format=json"


def release(rows: int) -> bytes:
    """Return FRED's answer with a whole release, a tenth of the observations in each series."""
    days = _days(np.arange(rows // 10))
    observed = [{"date": day, "value": f"{n % 2_000 / 100:.2f}"} for n, day in enumerate(days)]
    texts = ("title", "frequency", "units", "seasonal_adjustment", "notes")
    said = dict.fromkeys(texts, "as it is") | {"last_updated": "2026-10-30T12:54:01Z"}
    series = [{"series_id": f"S{n}", **said, "observations": observed} for n in range(10)]
    named = {"release_id": 18, "name": "H.15"}
    return orjson.dumps({"has_more": False, "release": named, "series": series})


HISTORY_URL = "https://cdn.cboe.com/api/global/us_indices/daily_prices/VIX_History.csv"


def history(rows: int) -> bytes:
    """Return Cboe's file of an index with a candle a day."""
    random = np.random.default_rng(2)
    candles = random.uniform(9, 90, (rows, 4))
    days = (_FIRST_DAY + np.arange(rows)).tolist()
    lines = (
        f"{day:%m/%d}/{day.year},{o:.6f},{h:.6f},{low:.6f},{c:.6f}\r\n"
        for day, (o, h, low, c) in zip(days, candles.tolist(), strict=True)
    )
    return b"DATE,OPEN,HIGH,LOW,CLOSE\r\n" + "".join(lines).encode()


CHART_URL = "https://query1.finance.yahoo.com/v8/finance/chart/AAPL?interval=1d"


def chart(rows: int) -> bytes:
    """Return Yahoo's answer with a bar a day, prices as they come out of its 32 bits."""
    random = np.random.default_rng(3)
    prices = random.uniform(1, 500, (5, rows)).astype(np.float32).astype(np.float64).tolist()
    quote = dict(zip(("open", "high", "low", "close"), prices, strict=False))
    quote["volume"] = random.integers(10_000, 90_000_000, rows).tolist()
    last = int(FETCHED_AT.timestamp()) - _DAY
    opens = (last - _DAY * np.arange(rows)[::-1]).tolist()
    meta = {
        "currency": "USD",
        "symbol": "AAPL",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketTime": last,
        "dataGranularity": "1d",
        "currentTradingPeriod": {"regular": {"start": last, "end": last + 23_400}},
    }
    indicators = {"quote": [quote], "adjclose": [{"adjclose": prices[4]}]}
    result = {"meta": meta, "timestamp": opens, "indicators": indicators}
    return orjson.dumps({"chart": {"result": [result], "error": None}})


def _days(number: np.ndarray) -> list[str]:
    found: list[str] = np.datetime_as_string(_FIRST_DAY + number).tolist()
    return found
