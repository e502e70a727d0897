"""Daily bars of shares, funds, indices, currencies and futures from Yahoo."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import (
    Bigint,
    Code,
    Dataset,
    Row,
    Unit,
    bar_known_at,
    impossible_candle,
    in_future,
    negative,
)


class YfinanceOhlcv(Row):
    """Daily bars, adjusted for splits, one for each ticker and trading day of its exchange.

    Prices are in `currency` exactly as quoted: `GBp` is pence, `GBP` pounds. `adj_close` is also
    adjusted for dividends; every dividend rewrites it, so it is kept up to date without versions.
    """

    ticker: Annotated[Code, Field(description="Yahoo's symbol, such as AAPL or ^GSPC")]
    date: Annotated[dt.date, Field(description="trading day in the exchange's time zone")]
    open: Annotated[float | None, Field(description="first price of the session")]
    high: Annotated[float | None, Field(description="highest price of the session")]
    low: Annotated[float | None, Field(description="lowest price of the session")]
    close: Annotated[float, Field(description="last price of the session")]
    adj_close: Annotated[
        float | None, Field(description="close adjusted for splits and dividends; makes no version")
    ]
    volume: Annotated[Bigint | None, Field(description="shares or contracts traded"), Unit("count")]
    currency: Annotated[str | None, Field(description="currency as quoted")] = None
    is_final: Annotated[bool, Field(description="false for the bar of a session still open")] = True


DATASET = Dataset(
    name="yfinance_ohlcv",
    row=YfinanceOhlcv,
    key=("ticker", "date"),
    time="date",
    cadence="daily",
    alias="yfinance",
    filterable=("currency", "is_final"),
    unversioned=("adj_close",),
    known_at=bar_known_at,
    checks=(impossible_candle(), negative("volume"), in_future("date")),
)
