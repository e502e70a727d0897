"""Daily history of CBOE's volatility indices."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Code, Dataset, Row, Unit, at, impossible_candle, in_future, negative


class CboeVixHistory(Row):
    """Daily values of CBOE's volatility indices (VIX, VIX3M, VVIX …), one for each index and day.

    CBOE revises its history, so a day may have several versions. Some indices have a close only.
    A few historical candles are impossible (close outside low..high); they are kept as published.
    """

    symbol: Annotated[Code, Field(description="the index, such as VIX")]
    date: Annotated[dt.date, Field(description="trading day in Chicago")]
    open: Annotated[float | None, Field(description="first value of the day"), Unit("index points")]
    high: Annotated[float | None, Field(description="highest value"), Unit("index points")]
    low: Annotated[float | None, Field(description="lowest value"), Unit("index points")]
    close: Annotated[float, Field(description="last value of the day"), Unit("index points")]


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the end of the session in Chicago in which VIX is calculated."""
    return at(row["date"], "America/Chicago", dt.time(15, 15))


DATASET = Dataset(
    name="cboe_vix_history",
    row=CboeVixHistory,
    key=("symbol", "date"),
    time="date",
    cadence="daily",
    alias="cboe",
    known_at=_known_at,
    checks=(impossible_candle(), negative("open", "high", "low", "close"), in_future("date")),
)
