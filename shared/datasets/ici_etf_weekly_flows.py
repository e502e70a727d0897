"""Weekly flows into funds, as ICI estimates them."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Bigint, Code, Dataset, Row, Unit, end_of, in_future

Flow = Annotated[float | None, Unit("US$ millions")]


class IciEtfWeeklyFlows(Row):
    """Estimated net flows into US long-term funds, one row for each kind of fund and week.

    ICI restates its estimates from week to week, so a week has versions; once a month's actual
    figures are out its weeks vanish from ICI's workbook and stay here. `fund_type` says which
    workbook a row is from; `combined` is the sum of the other two: never add it to them.
    A week ends on a Wednesday, before some holidays earlier: the week after is then the longer.
    """

    fund_type: Annotated[
        Code, Field(description="etf, mutual_fund or combined, which is the sum of both")
    ]
    week_ending: Annotated[dt.date, Field(description="last day of the week")]
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
    is_estimate: Annotated[bool, Field(description="true: weekly figures are estimates")]
    period_days: Annotated[
        Bigint | None,
        Field(description="length of the week, 7 as a rule; null: not known; makes no version"),
        Unit("days"),
    ]


def _known_at(row: Mapping[str, Any]) -> dt.datetime:
    """Return the end of the eighth day: ICI publishes a week about seven days after its end."""
    return end_of(row["week_ending"] + dt.timedelta(days=8))


DATASET = Dataset(
    name="ici_etf_weekly_flows",
    row=IciEtfWeeklyFlows,
    key=("fund_type", "week_ending"),
    time="week_ending",
    cadence="weekly",
    alias="ici",
    filterable=("is_estimate",),
    unversioned=("period_days",),
    known_at=_known_at,
    checks=(in_future("week_ending"),),
)
