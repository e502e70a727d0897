"""Technical indicators of daily bars, as the processor computes them."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import (
    Bigint,
    Check,
    Code,
    Comparison,
    Dataset,
    Row,
    bar_known_at,
    in_future,
    outside,
)


class TechnicalFeatures(Row):
    """Technical indicators on the split-adjusted close, one row for each ticker and trading day.

    Made by the processor from `yfinance_ohlcv`. An indicator is null until it has enough bars.
    """

    ticker: Annotated[Code, Field(description="Yahoo's symbol, as in yfinance_ohlcv")]
    date: Annotated[dt.date, Field(description="trading day of the last bar that counts")]
    rsi_14: Annotated[float | None, Field(description="relative strength, 14 days, 0 to 100")]
    macd: Annotated[float | None, Field(description="ema_12 - ema_26")]
    macd_signal: Annotated[float | None, Field(description="9-day EMA of macd")]
    bb_upper: Annotated[float | None, Field(description="Bollinger band, 20 days, 2 deviations up")]
    bb_middle: Annotated[float | None, Field(description="middle of the bands: 20-day mean")]
    bb_lower: Annotated[float | None, Field(description="2 deviations below the mean")]
    sma_50: Annotated[float | None, Field(description="mean of 50 days")]
    sma_200: Annotated[float | None, Field(description="mean of 200 days")]
    ema_12: Annotated[float | None, Field(description="exponential mean, 12 days")]
    ema_26: Annotated[float | None, Field(description="exponential mean, 26 days")]
    atr_14: Annotated[float | None, Field(description="average true range, 14 days")]
    obv: Annotated[Bigint | None, Field(description="on-balance volume")]


DATASET = Dataset(
    name="technical_features",
    row=TechnicalFeatures,
    key=("ticker", "date"),
    time="date",
    cadence="daily",
    known_at=bar_known_at,
    checks=(
        outside("rsi_out_of_range", "rsi_14", 0, 100),
        Check(
            "crossed_bands", "lower band above upper", (Comparison("bb_lower", ">", "bb_upper"),)
        ),
        in_future("date"),
    ),
)
