"""Answers as the upstreams give them, made for a test."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.fetcher.answer import Answer

FETCHED_AT = dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC)
FRED = "https://api.stlouisfed.org/fred/series"
CHART = "https://query1.finance.yahoo.com/v8/finance/chart"
OPTIONS = "https://cdn.cboe.com/api/global/delayed_quotes/options"
HISTORY = "https://cdn.cboe.com/api/global/us_indices/daily_prices"


def answer(
    url: str,
    body: bytes,
    status: int = 200,
    fetched_at: dt.datetime = FETCHED_AT,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an answer."""
    return Answer(url, status, headers or {}, body, fetched_at)


def observations(rows: Sequence[Mapping[str, Any]], query: str = "", **document: Any) -> Answer:
    """Return FRED's answer with these observations of GDP."""
    whole = {
        "realtime_start": "2024-11-03",
        "realtime_end": "2024-11-03",
        "units": "lin",
        "output_type": 1,
        "count": len(rows),
        "offset": 0,
        "limit": 100_000,
        "observations": rows,
    } | document
    return answer(f"{FRED}/observations?series_id=GDP&file_type=json{query}", orjson.dumps(whole))


def observation(
    date: str, value: str, start: str = "2024-11-03", end: str = "2024-11-03"
) -> dict[str, str]:
    """Return one of FRED's observations."""
    return {"realtime_start": start, "realtime_end": end, "date": date, "value": value}


def chart(
    timestamps: Sequence[int | None] | None,
    close: Sequence[float | None],
    fetched_at: dt.datetime = FETCHED_AT,
    adjclose: Sequence[float | None] | None = None,
    quote: Mapping[str, Any] | None = None,
    **meta: Any,
) -> Answer:
    """Return Yahoo's chart answer; the other prices are the close unless `quote` says.

    So are the adjusted ones, where none are given; empty, there are none in the answer.
    """
    prices = {name: list(close) for name in ("open", "high", "low", "close")}
    columns = prices | {"volume": [1] * len(close)} | dict(quote or {})
    result: dict[str, Any] = {
        "meta": {
            "symbol": "AAPL",
            "currency": "USD",
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d",
        }
        | meta,
        "indicators": {"quote": [{n: v for n, v in columns.items() if v is not None}]},
    }
    if timestamps is not None:
        result["timestamp"] = list(timestamps)
    adjusted = list(close if adjclose is None else adjclose)
    if adjusted:
        result["indicators"]["adjclose"] = [{"adjclose": adjusted}]
    body = orjson.dumps({"chart": {"result": [result], "error": None}})
    return answer(f"{CHART}/AAPL?interval=1d", body, fetched_at=fetched_at)


def history(text: str, symbol: str = "VIX", last_modified: str = "") -> Answer:
    """Return CBOE's history of an index."""
    url = f"{HISTORY}/{symbol}_History.csv"
    return answer(url, text.encode(), headers={"last-modified": last_modified})


def contract(symbol: str = "AAPL260821C00330000", **changed: Any) -> dict[str, Any]:
    """Return one contract of CBOE's chains."""
    plain = {
        "option": symbol, "bid": 1.0, "ask": 1.5, "iv": 0.25, "open_interest": 10.0,
        "volume": 2.0, "delta": 0.5, "last_trade_price": 1.25,
    }  # fmt: skip
    return plain | changed


def chain(*contracts: Any, symbol: str = "AAPL", **data: Any) -> Answer:
    """Return CBOE's chain with these contracts; `data` changes what stands beside them."""
    whole = {"current_price": 330.0, "last_trade_time": "2026-07-24T15:59:59"} | data
    document = {"timestamp": "2026-07-26 03:44:38", "data": whole | {"options": list(contracts)}}
    return answer(f"{OPTIONS}/{symbol}.json", orjson.dumps(document))
