"""What the options on an underlying say together, day by day."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Bigint, Code, Dataset, Row, Unit, at, in_future, negative


class OptionsData(Row):
    """Options of an underlying summed over its whole chain, one row for each trading day.

    `implied_volatility` is that of 30 days at the money: at each of the two expiries around 30
    days the volatilities of call and put are averaged and interpolated between the two strikes
    around the underlying's price; between the expiries variance is interpolated over time, as
    Cboe does for VIX. It is null where no expiry stands on one side.
    """

    ticker: Annotated[Code, Field(description="the underlying, such as AAPL or ^SPX")]
    date: Annotated[dt.date, Field(description="its last trading day in New York")]
    put_volume: Annotated[Bigint, Field(description="puts traded"), Unit("contracts")]
    call_volume: Annotated[Bigint, Field(description="calls traded"), Unit("contracts")]
    put_call_ratio: Annotated[
        float | None, Field(description="put_volume / call_volume; null: no call was traded")
    ]
    implied_volatility: Annotated[
        float | None, Field(description="30 days, at the money, a year; 0.25 is 25 %")
    ]
    open_interest: Annotated[Bigint, Field(description="outstanding"), Unit("contracts")]
    put_open_interest: Annotated[Bigint, Field(description="puts outstanding"), Unit("contracts")]
    call_open_interest: Annotated[Bigint, Field(description="calls outstanding"), Unit("contracts")]
    contracts_used: Annotated[Bigint, Field(description="listed contracts summed"), Unit("count")]


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the end of the options' session, that of index options included."""
    return at(row["date"], "America/New_York", dt.time(16, 15))


DATASET = Dataset(
    name="options_data",
    row=OptionsData,
    key=("ticker", "date"),
    time="date",
    cadence="daily",
    alias="options",
    known_at=_known_at,
    checks=(
        negative("put_volume", "call_volume", "open_interest", "implied_volatility"),
        in_future("date"),
    ),
)
