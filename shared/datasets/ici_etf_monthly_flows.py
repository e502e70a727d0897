"""Monthly flows into funds, as ICI counts them."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Bigint, Code, Dataset, Row, Unit, end_of, in_future

Flow = Annotated[float | None, Unit("US$ millions")]


class IciEtfMonthlyFlows(Row):
    """Net flows into US long-term funds, one row for each kind of fund and month.

    ICI restates published months, so a month has versions. `fund_type` says which workbook a row
    is from; `combined` is the sum of the other two: never add it to them.
    """

    fund_type: Annotated[
        Code, Field(description="etf, mutual_fund or combined, which is the sum of both")
    ]
    month_ending: Annotated[dt.date, Field(description="last day of the month")]
    total_net_flows: Annotated[Flow, Field(description="all long-term funds")]
    equity_net_flows: Annotated[Flow, Field(description="equity funds")]
    domestic_equity_net_flows: Annotated[Flow, Field(description="equity funds, domestic")]
    world_equity_net_flows: Annotated[Flow, Field(description="equity funds, world")]
    hybrid_net_flows: Annotated[Flow, Field(description="funds of both equity and bonds")]
    bond_net_flows: Annotated[Flow, Field(description="bond funds")]
    taxable_bond_net_flows: Annotated[Flow, Field(description="bond funds, taxable")]
    municipal_bond_net_flows: Annotated[Flow, Field(description="bond funds, municipal")]
    commodity_net_flows: Annotated[
        Flow, Field(description="commodity funds; null where ICI does not count them")
    ]
    is_estimate: Annotated[bool, Field(description="false: monthly figures are counted")]
    period_days: Annotated[
        Bigint | None,
        Field(description="length of the month"),
        Unit("days"),
    ]


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the end of the 45th day: a month's actual figures are out by then."""
    return end_of(row["month_ending"] + dt.timedelta(days=45))


DATASET = Dataset(
    name="ici_etf_monthly_flows",
    row=IciEtfMonthlyFlows,
    key=("fund_type", "month_ending"),
    time="month_ending",
    cadence="monthly",
    alias="ici_monthly",
    filterable=("is_estimate",),
    known_at=_known_at,
    checks=(in_future("month_ending"),),
)
