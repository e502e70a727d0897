"""Yahoo's bars as columns: prices, volumes, trading days, and whether a session is over."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import UnreadableAnswer
from services.fetcher.parsing.columns import new_columns

_PRICES = ("open", "high", "low", "close")
_NEVER_ADJUSTED = frozenset({"CRYPTOCURRENCY", "CURRENCY", "FUTURE", "INDEX"})
"""Types of instruments that neither split nor pay; some of their answers lack 'adjclose'."""
_LATEST = 250_000_000_000
"""In the year 9892; Yahoo's bars lie in the past."""
_SETTLING = dt.timedelta(minutes=30)
"""Quotes of most exchanges are delayed by 15 or 20 minutes."""


def bars_of(
    result: dict[str, Any], timestamps: list[Any], warnings: list[str]
) -> dict[str, pa.Array]:
    """Return prices and volume, an element for each timestamp; what is not finite is null.

    What is odd and does no harm is added to `warnings`. Raises UnreadableAnswer that names a
    column that is missing, or whose values are too few or no numbers.
    """
    indicators = result.get("indicators")
    if not isinstance(indicators, dict):
        raise UnreadableAnswer("'indicators' is missing: Yahoo's answers have changed")
    quotes = indicators.get("quote")
    if not isinstance(quotes, list) or not quotes or not isinstance(quotes[0], dict):
        raise UnreadableAnswer("'quote' is missing: Yahoo's answers have changed")
    known = (*_PRICES, "volume")
    warnings += new_columns(quotes[0], known, "Yahoo's bars")
    columns = {name: _prices(_parallel(quotes[0], name, timestamps), name) for name in _PRICES}
    columns["volume"] = _volumes(_parallel(quotes[0], "volume", timestamps), warnings)
    columns["adj_close"] = _adjusted(result, columns["close"], timestamps)
    return columns


def _adjusted(result: dict[str, Any], closes: pa.Array, timestamps: list[Any]) -> pa.Array:
    """Return the adjusted closes; the closes where there are none and nothing is adjusted for."""
    given = result["indicators"].get("adjclose")
    if not given and (result.get("meta") or {}).get("instrumentType") in _NEVER_ADJUSTED:
        return closes
    # Published without one, bars would wipe the adjusted closes that are stored.
    arrays = given[0] if isinstance(given, list) and given else None
    found = _parallel(arrays if isinstance(arrays, dict) else {}, "adjclose", timestamps)
    return _prices(found, "adjclose")


def _parallel(arrays: dict[str, Any], name: str, timestamps: list[Any]) -> list[Any]:
    values = arrays.get(name)
    if not isinstance(values, list):
        raise UnreadableAnswer(f"the column {name!r} of Yahoo's bars has vanished")
    if len(values) != len(timestamps):
        raise UnreadableAnswer(f"{name!r} has {len(values)} values for {len(timestamps)} bars")
    return values


def _prices(values: list[Any], name: str) -> pa.Array:
    try:
        prices = pa.array(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise UnreadableAnswer(f"{name!r} holds something that is no number: {exc}") from exc
    return pc.if_else(pc.is_finite(prices), prices, pa.scalar(None, pa.float64()))


def _volumes(values: list[Any], warnings: list[str]) -> pa.Array:
    try:
        found = pa.array(values)
        if pa.types.is_integer(found.type):
            return pc.cast(found, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise UnreadableAnswer(f"'volume' holds something that is no number: {exc}") from exc
    exact = _prices(values, "volume")
    whole = pc.round(exact)
    if not pc.all(pc.equal(exact, whole), min_count=0).as_py():
        warnings.append("fractions in Yahoo's volume, rounded")
    try:
        return pc.cast(whole, pa.int64())
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"'volume' is out of range: {exc}") from exc


def of_known_moment(
    bars: dict[str, pa.Array], timestamps: list[Any]
) -> tuple[dict[str, pa.Array], list[Any]]:
    """Return bars and timestamps but those whose timestamp is null, which leaves the others.

    Raises UnreadableAnswer where all are.
    """
    if None not in timestamps:
        return bars, timestamps
    known = [moment for moment in timestamps if moment is not None]
    if not known:
        raise UnreadableAnswer("'timestamp' holds no moment: Yahoo's answers have changed")
    kept = pa.array([moment is not None for moment in timestamps])
    return {name: column.filter(kept) for name, column in bars.items()}, known


def trading_days(timestamps: list[Any], meta: dict[str, Any]) -> pa.Array:
    """Return each timestamp's day in the exchange's time zone.

    Raises UnreadableAnswer where `meta` names no zone or a timestamp is no moment.
    """
    zone = meta.get("exchangeTimezoneName")
    if not isinstance(zone, str):
        raise UnreadableAnswer("'exchangeTimezoneName' has vanished: no trading day without it")
    try:
        seconds = pa.array(timestamps, pa.int64())
        if seconds.null_count or not pc.all(pc.less(pc.abs(seconds), _LATEST)).as_py():
            raise UnreadableAnswer("'timestamp' holds something that is no moment")
        moments = pc.cast(seconds, pa.timestamp("s", zone))
        return pc.cast(pc.local_timestamp(moments), pa.date32())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise UnreadableAnswer(f"'timestamp' or its time zone {zone!r} is wrong: {exc}") from exc


def of_open_session(days: pa.Array, meta: dict[str, Any], fetched_at: dt.datetime) -> pa.Array:
    """Return for each bar whether its session was still open when the answer was fetched.

    Without a trading period in the answer, the day of the fetch counts as open.
    """
    now = int(fetched_at.timestamp())
    today, over = now, False
    try:
        session = meta["currentTradingPeriod"]["regular"]
        today, end = int(session["start"]), int(session["end"])
        quoted = int(meta.get("regularMarketTime") or 0)
        over = now >= end + _SETTLING.total_seconds() or end <= quoted <= now
    except (KeyError, TypeError, ValueError):
        pass
    open_day = trading_days([today], meta)[0]
    return pc.and_(pc.equal(days, open_day), pa.scalar(not over))
