"""Daily history of CBOE's volatility indices."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import Code, Dataset, Row, Unit


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


DATASET = Dataset(
    name="cboe_vix_history",
    row=CboeVixHistory,
    key=("symbol", "date"),
    time="date",
    cadence="daily",
    alias="cboe",
)
