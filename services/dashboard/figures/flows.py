"""Flows into and out of funds by what they hold; restated figures bear a mark."""

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.figures.layout import framed, over_time, with_gaps
from services.dashboard.palette import BLUE, GOLD, GREY, ORANGE, ROSE, TEAL, VIOLET

KINDS = {
    "domestic_equity_net_flows": ("Domestic equity", BLUE),
    "world_equity_net_flows": ("World equity", TEAL),
    "hybrid_net_flows": ("Hybrid", VIOLET),
    "taxable_bond_net_flows": ("Taxable bonds", ORANGE),
    "municipal_bond_net_flows": ("Municipal bonds", GREY),
    "commodity_net_flows": ("Commodities", ROSE),
}
UNIT = "US$ millions"


def restated(versions: pd.DataFrame, time: str) -> pd.DataFrame:
    """Return, for each period with more than one version, its first and newest total.

    `versions` hold `known_from` and `total_net_flows`; columns of the answer: the period, `first`,
    `newest`, `times` (how often restated).
    """
    ordered = versions.sort_values("known_from")
    each = ordered.groupby(time)["total_net_flows"]
    table = pd.DataFrame(
        {"first": each.first(), "newest": each.last(), "times": each.size() - 1}
    ).reset_index()
    return table[table["times"] > 0].reset_index(drop=True)


def draw(flows: pd.DataFrame, time: str, changed: pd.DataFrame) -> go.Figure:
    """Return net flows stacked by kind, the total as a line, restated periods marked."""
    figure = go.Figure()
    for column, (name, colour) in KINDS.items():
        if column in flows and flows[column].notna().any():
            figure.add_bar(
                x=flows[time],
                y=flows[column],
                name=name,
                marker={"color": colour},
                hovertemplate="%{y:,.0f}",
            )
    total = with_gaps(flows, time)
    figure.add_scatter(
        x=total[time],
        y=total["total_net_flows"],
        name="Total",
        mode="lines+markers",
        line={"color": GOLD, "width": 2},
        marker={"size": 5},
        hovertemplate="%{y:,.0f}",
    )
    marked = flows[flows[time].isin(changed[time])]
    if len(marked):
        figure.add_scatter(
            x=marked[time],
            y=marked["total_net_flows"],
            name="Restated since first published",
            mode="markers",
            marker={"symbol": "diamond-open", "size": 9, "color": ROSE, "line": {"width": 2}},
            hoverinfo="skip",
        )
    figure.update_layout(barmode="relative")
    return over_time(framed(figure, unit=UNIT))
