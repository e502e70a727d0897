"""Dividends, splits and capital gains of shares and funds."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Code, Dataset, Row, at, in_future, negative


class CorporateActions(Row):
    """Dividends, splits and capital gains distributed, one for each ticker, day and kind.

    A dividend's or gain's `amount` is in `currency` for one share of today: Yahoo adjusts it for
    later splits, and each such change is a version. A split has a `ratio` instead: new shares for
    one old, 4.0 for four to one, 0.1 where ten became one.
    """

    ticker: Annotated[Code, Field(description="Yahoo's symbol, such as AAPL")]
    ex_date: Annotated[dt.date, Field(description="first day traded without it, at the exchange")]
    kind: Annotated[Code, Field(description="dividend, split or capital_gain")]
    amount: Annotated[float | None, Field(description="paid for one share; null for a split")]
    ratio: Annotated[float | None, Field(description="new shares for one old; null if no split")]
    currency: Annotated[str | None, Field(description="currency as quoted: GBp is pence")] = None


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the beginning of the ex-date: it has been announced by then."""
    return at(row["ex_date"], "UTC", dt.time())


DATASET = Dataset(
    name="corporate_actions",
    row=CorporateActions,
    key=("ticker", "ex_date", "kind"),
    time="ex_date",
    cadence="irregular",
    filterable=("currency",),
    known_at=_known_at,
    checks=(negative("amount", "ratio"), in_future("ex_date")),
)
