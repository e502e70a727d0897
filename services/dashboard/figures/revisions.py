"""What was known then beside what is known now, and all vintages fanned out."""

import datetime as dt

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import BLUE, GREY, ORANGE

FAN_LINES = 60
"""Vintages drawn at most; of more, these many are taken evenly, first and last among them."""


def beside(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Return one row a date: `then`, `now`, `change`, and `percent` where `then` is above 0."""
    both = now[["date", "value"]].rename(columns={"value": "now"})
    known = then[["date", "value"]].rename(columns={"value": "then"})
    table = both.merge(known, on="date", how="outer").sort_values("date", ignore_index=True)
    change = table["now"] - table["then"]
    percent = (100 * change / table["then"]).where(table["then"] > 0)
    return table.assign(change=change, percent=percent)[
        ["date", "then", "now", "change", "percent"]
    ]


def draw_beside(table: pd.DataFrame, day: dt.date, unit: str) -> go.Figure:
    """Return the picture of `beside`: known then, full; known now, dashed."""
    figure = go.Figure()
    for column, name, colour, dash in (
        ("now", "Known now", BLUE, "solid"),
        ("then", f"Known on {day.isoformat()}", ORANGE, "dash"),
    ):
        figure.add_scatter(
            x=table["date"],
            y=table[column],
            name=name,
            mode="lines+markers" if len(table) <= FAN_LINES else "lines",
            line={"color": colour, "width": 2.5, "dash": dash},
            marker={"size": 6},
            hovertemplate="%{y:,.2f}",
        )
    return over_time(framed(figure, unit=unit))


def vintages(versions: pd.DataFrame) -> list[pd.Timestamp]:
    """Return the moments at which a series changed, in order, thinned out to FAN_LINES."""
    moments = sorted(versions["known_from"].drop_duplicates())
    if len(moments) <= FAN_LINES:
        return moments
    step = (len(moments) - 1) / (FAN_LINES - 1)
    return [moments[round(i * step)] for i in range(FAN_LINES)]


def as_known(versions: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Return the series (`date`, `value`) as it was known at a moment."""
    known = versions["known_from"] <= moment
    held = versions["known_until"].isna() | (versions["known_until"] > moment)
    return versions[known & held].sort_values("date")[["date", "value"]]


def draw_fan(versions: pd.DataFrame, day: dt.date, unit: str) -> go.Figure:
    """Return every vintage as a line, the one known on `day` and the newest told apart."""
    figure = go.Figure()
    moments = vintages(versions)
    for moment in moments:
        line = as_known(versions, moment)
        figure.add_scatter(
            x=line["date"],
            y=line["value"],
            name=f"{moment:%Y-%m-%d}",
            mode="lines",
            line={"color": GREY, "width": 1},
            opacity=0.45,
            showlegend=False,
            hoverinfo="skip",
        )
    end = pd.Timestamp(dt.datetime.combine(day, dt.time.max, dt.UTC))
    marked = [(f"Known on {day.isoformat()}", end, ORANGE, "dash")]
    if moments:
        marked.insert(0, ("Known now", max(moments[-1], end), BLUE, "solid"))
    for name, moment, colour, dash in marked:
        line = as_known(versions, moment)
        figure.add_scatter(
            x=line["date"],
            y=line["value"],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2.5, "dash": dash},
            hovertemplate="%{y:,.2f}",
        )
    return over_time(framed(figure, unit=unit))


def draw_history(versions: pd.DataFrame, date: pd.Timestamp, unit: str) -> go.Figure:
    """Return how the figure of one date went from its first publication to now, as steps."""
    one = versions[versions["date"] == date].sort_values("known_from")
    figure = go.Figure()
    figure.add_scatter(
        x=one["known_from"],
        y=one["value"],
        name=f"Figure of {date:%Y-%m-%d}",
        mode="lines+markers",
        line={"color": BLUE, "width": 2, "shape": "hv"},
        hovertemplate="%{y:,.2f}",
    )
    return over_time(framed(figure, unit=unit, height=300))
