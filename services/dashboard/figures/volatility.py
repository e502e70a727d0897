"""Fear in figures: the VIX family over time and along its terms, and what options say."""

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.downsample import for_screen
from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import BLUE, ORANGE, SERIES

TERMS = {"VIX1D": 1, "VIX9D": 9, "VIX": 30, "VIX3M": 93, "VIX6M": 184, "VIX1Y": 365}
"""How many days ahead each index of the family looks."""


def draw_history(family: dict[str, pd.DataFrame]) -> tuple[go.Figure, int, int]:
    """Return closes over time by symbol, and how many of how many points are drawn."""
    figure, shown, whole = go.Figure(), 0, 0
    for (symbol, frame), colour in zip(family.items(), SERIES, strict=False):
        thin = for_screen(frame, "close")
        shown, whole = shown + len(thin), whole + len(frame)
        figure.add_scatter(
            x=thin["date"],
            y=thin["close"],
            name=symbol,
            mode="lines",
            line={"color": colour, "width": 1.8},
            hovertemplate="%{y:,.2f}",
        )
    return over_time(framed(figure, unit="% a year")), shown, whole


def term_structure(latest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows (`symbol`, `date`, `close`) of one day that have a term, by `days` ahead.

    The day is the newest of the VIX itself; an index of another day would tell another story.
    """
    known = latest.assign(days=latest["symbol"].map(TERMS)).dropna(subset=["days"])
    vix = known[known["symbol"] == "VIX"]
    day = vix["date"].max() if len(vix) else known["date"].max()
    terms: pd.DataFrame = known[known["date"] == day]
    return terms.sort_values("days", ignore_index=True)


def draw_terms(terms: pd.DataFrame) -> go.Figure:
    """Return volatility along the days ahead."""
    figure = go.Figure()
    figure.add_scatter(
        x=terms["days"],
        y=terms["close"],
        text=terms["symbol"],
        mode="lines+markers+text",
        textposition="top center",
        line={"color": BLUE, "width": 2.5},
        marker={"size": 9},
        hovertemplate="%{text}: %{y:.2f}",
        name="Close",
    )
    framed(figure, unit="% a year", height=320)
    figure.update_xaxes(title_text="days ahead", type="log", tickvals=list(TERMS.values()))
    return figure


def draw_options(options: pd.DataFrame) -> go.Figure:
    """Return put/call ratio and implied volatility of an underlying over time, two axes."""
    figure = go.Figure()
    figure.add_scatter(
        x=options["date"],
        y=options["put_call_ratio"],
        name="Puts for each call (left)",
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        hovertemplate="%{y:.2f}",
    )
    figure.add_scatter(
        x=options["date"],
        y=options["implied_volatility"] * 100,
        name="Implied volatility, % a year (right)",
        yaxis="y2",
        mode="lines+markers",
        line={"color": ORANGE, "width": 2, "dash": "dash"},
        marker={"symbol": "diamond", "size": 8},
        hovertemplate="%{y:.1f} %",
    )
    framed(figure, unit="puts for each call", height=320)
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(
        yaxis2={
            "overlaying": "y", "side": "right", "title": {"text": "% a year"},
            "rangemode": "tozero", "showgrid": False, "tickformat": ".0f",
        }
    )  # fmt: skip
    return over_time(figure)
