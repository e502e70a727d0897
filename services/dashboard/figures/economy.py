"""Economic series over time: as levels, as changes on a year before, or as indices."""

from collections.abc import Mapping
from enum import StrEnum

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from services.dashboard.downsample import for_screen
from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import SERIES, SHADE


class Shape(StrEnum):
    """How a series is drawn."""

    LEVEL = "Level"
    CHANGE = "% change on a year before"
    INDEX = "Index, first = 100"


def shaped(series: pd.DataFrame, shape: Shape) -> pd.DataFrame:
    """Return a series (`date`, `value`, ordered) in another shape; level is itself.

    A change compares with the newest value at least a year older, none where that lies more
    than a year and 31 days back. An index takes the first value that is not 0 as 100.
    """
    if shape is Shape.LEVEL or series.empty:
        return series
    if shape is Shape.INDEX:
        usable = series["value"].where(series["value"] != 0).dropna()
        base = usable.iloc[0] if len(usable) else float("nan")
        return series.assign(value=series["value"] / base * 100)
    earlier = series.dropna()[["date", "value"]].rename(columns={"value": "before"})
    wanted = series.assign(wanted=series["date"] - pd.DateOffset(years=1))
    matched = pd.merge_asof(
        wanted.sort_values("wanted"),
        earlier.rename(columns={"date": "wanted"}),
        on="wanted",
        tolerance=pd.Timedelta(days=31),
    )
    change = (matched["value"] / matched["before"] - 1) * 100
    return matched.assign(value=change.where(matched["before"] > 0))[["date", "value"]]


UNITS = {Shape.CHANGE: "%", Shape.INDEX: "index"}
"""What stands beside the axis where it is not the series' own unit."""


def recessions(usrec: pd.DataFrame) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return the first and last month of each run of ones in USREC (`date`, `value`)."""
    flagged = usrec["value"].eq(1)
    runs = usrec[flagged].groupby((~flagged).cumsum()[flagged])["date"]
    spans = zip(runs.min(), runs.max(), strict=True)
    return [(first, last + pd.offsets.MonthEnd(0)) for first, last in spans]


def draw(
    series: Mapping[str, pd.DataFrame],
    names: Mapping[str, str],
    units: Mapping[str, str],
    shaded: list[tuple[pd.Timestamp, pd.Timestamp]],
) -> tuple[go.Figure, int, int]:
    """Return the picture of series by id, a panel a unit, and how many of all points it has."""
    panels = list(dict.fromkeys(units.values())) or [""]
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    shown, whole = 0, 0
    for (series_id, frame), colour in zip(series.items(), SERIES, strict=False):
        thin = for_screen(frame, "value")
        shown, whole = shown + len(thin), whole + len(frame)
        figure.add_scatter(
            x=thin["date"],
            y=thin["value"],
            name=names.get(series_id, series_id),
            mode="lines+markers" if len(thin) == 1 else "lines",
            line={"color": colour, "width": 2},
            hovertemplate="%{y:,.2f}",
            row=panels.index(units[series_id]) + 1,
            col=1,
        )
    framed(figure, height=200 + 220 * len(panels))
    for row, unit in enumerate(panels, 1):
        figure.update_yaxes(title_text=unit, row=row, col=1)
    _shade(figure, list(series.values()), shaded)
    return over_time(figure), shown, whole


def _shade(
    figure: go.Figure,
    drawn: list[pd.DataFrame],
    spans: list[tuple[pd.Timestamp, pd.Timestamp]],
) -> None:
    dates = [frame["date"] for frame in drawn if len(frame)]
    if not dates:
        return
    first, last = min(d.iloc[0] for d in dates), max(d.iloc[-1] for d in dates)
    for begin, end in spans:
        if end >= first and begin <= last:
            figure.add_vrect(x0=max(begin, first), x1=min(end, last), fillcolor=SHADE, line_width=0)
