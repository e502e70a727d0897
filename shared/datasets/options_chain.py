"""Every listed option of the watched underlyings, day by day."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import (
    Bigint,
    Check,
    Code,
    Comparison,
    Dataset,
    Row,
    Unit,
    at,
    in_future,
    negative,
)


class OptionsChain(Row):
    """Quotes of option contracts, delayed by 15 minutes, one for each contract and trading day.

    `date` is the underlying's last trading day in New York, whenever the chain was fetched.
    The topic keeps 90 days; the table keeps everything.
    """

    contract: Annotated[Code, Field(description="OCC symbol, such as AAPL260724C00110000")]
    date: Annotated[dt.date, Field(description="underlying's last trading day in New York")]
    underlying: Annotated[Code, Field(description="what the option is on, such as AAPL or ^SPX")]
    expiry: Annotated[dt.date, Field(description="last day it can be exercised")]
    strike: Annotated[float, Field(description="price at which it is exercised"), Unit("US$")]
    right: Annotated[Code, Field(description="call or put")]
    bid: Annotated[float | None, Field(description="best bid"), Unit("US$")]
    ask: Annotated[float | None, Field(description="best ask"), Unit("US$")]
    last: Annotated[
        float | None, Field(description="price of the last trade; null: none yet"), Unit("US$")
    ]
    iv: Annotated[
        float | None, Field(description="implied volatility a year, 0.25 is 25 %; null: unknown")
    ]
    delta: Annotated[float | None, Field(description="change of its price for US$ 1 of underlying")]
    volume: Annotated[Bigint | None, Field(description="traded that day"), Unit("contracts")]
    open_interest: Annotated[Bigint | None, Field(description="outstanding"), Unit("contracts")]


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the end of the options' session, that of index options included."""
    return at(row["date"], "America/New_York", dt.time(16, 15))


DATASET = Dataset(
    name="options_chain",
    row=OptionsChain,
    key=("contract", "date"),
    time="date",
    cadence="daily",
    filterable=("underlying", "expiry", "right"),
    known_at=_known_at,
    retention=dt.timedelta(days=90),
    checks=(
        Check("crossed_market", "bid above ask", (Comparison("bid", ">", "ask"),)),
        Check("expired", "expiry before date", (Comparison("expiry", "<", "date"),)),
        negative("bid", "ask", "last", "iv", "volume", "open_interest"),
        in_future("date"),
    ),
)
