"""When the trading session of a ticker closed: from then on its daily figures were known."""

import datetime as dt
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

_NEW_YORK = ("America/New_York", dt.time(16, 0))
_CLOSES = {
    "AS": ("Europe/Amsterdam", dt.time(17, 35)),
    "AX": ("Australia/Sydney", dt.time(16, 10)),
    "BR": ("Europe/Brussels", dt.time(17, 35)),
    "DE": ("Europe/Berlin", dt.time(17, 35)),
    "HK": ("Asia/Hong_Kong", dt.time(16, 10)),
    "L": ("Europe/London", dt.time(16, 35)),
    "MC": ("Europe/Madrid", dt.time(17, 35)),
    "MI": ("Europe/Rome", dt.time(17, 35)),
    "OL": ("Europe/Oslo", dt.time(16, 25)),
    "PA": ("Europe/Paris", dt.time(17, 35)),
    "SW": ("Europe/Zurich", dt.time(17, 30)),
    "T": ("Asia/Tokyo", dt.time(15, 30)),
    "TO": ("America/Toronto", dt.time(16, 0)),
}
"""Closing auctions included. Where an exchange has moved its close, this is the later one."""

_US_SHARE = re.compile(r"[A-Z]{1,5}(-[A-Z]{1,2})?", re.ASCII)
_US_FUND = re.compile(r"[A-Z]{4}X", re.ASCII)
_US_INDICES = frozenset({"^GSPC", "^SPX", "^DJI", "^IXIC", "^NDX", "^RUT"})


def close_of(ticker: str, day: dt.date) -> dt.datetime:
    """Return when the session of a ticker, by Yahoo's symbols, was over on a day, in UTC.

    An early close counts as the usual one. Where the exchange is not known by the symbol
    (currencies, futures, mutual funds, which are priced in the evening), it is the end of the
    day in UTC, which no exchange's session of that day outlasts.
    """
    root, dot, suffix = ticker.rpartition(".")
    if dot and root and suffix in _CLOSES:
        return at(day, *_CLOSES[suffix])
    if ticker in _US_INDICES or (_US_SHARE.fullmatch(ticker) and not _US_FUND.fullmatch(ticker)):
        return at(day, *_NEW_YORK)
    return end_of(day)


def at(day: dt.date, zone: str, time: dt.time) -> dt.datetime:
    """Return a time of a day in a zone as a moment in UTC."""
    return dt.datetime.combine(day, time, ZoneInfo(zone)).astimezone(dt.UTC)


def end_of(day: dt.date) -> dt.datetime:
    """Return the last microsecond of a day in UTC."""
    return dt.datetime.combine(day, dt.time.max, dt.UTC)


def bar_known_at(row: Mapping[str, object]) -> dt.datetime | None:
    """Return when a row of a ticker and its day was known: at the close of that session."""
    ticker, day = row["ticker"], row["date"]
    if isinstance(ticker, str) and isinstance(day, dt.date):
        return close_of(ticker, day)
    return None
