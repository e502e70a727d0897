"""What all pictures share: their frame, their axes, how a day and a number are spelled."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.palette import GREY

DAY = "%Y-%m-%d"
_AXIS = {"gridcolor": "rgba(128, 134, 142, 0.25)", "zerolinecolor": GREY, "automargin": True}
_NUMBERS = {"exponentformat": "none", "separatethousands": True}
_FEW_DAYS, _ROOM = pd.Timedelta(days=7), pd.Timedelta(days=2)
_DAY_MS = 24 * 60 * 60 * 1000


def framed(figure: go.Figure, *, unit: str | None = None, height: int = 420) -> go.Figure:
    """Return the figure with the house's frame; `unit` stands beside the vertical axis."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        hovermode="x unified",
        dragmode="pan",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": None},
        showlegend=True,
        uirevision="kept",
    )
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS, **_NUMBERS, title={"text": unit or "", "standoff": 6})
    return figure


def over_time(figure: go.Figure, **axis: Any) -> go.Figure:
    """Return the figure with days along the bottom, spelled the same everywhere.

    Where there are few of them the axis names each and leaves room beside it.
    """
    figure.update_xaxes(hoverformat=DAY, type="date", **axis)
    spans = [_span(trace.x) for trace in figure.data if trace.x is not None and len(trace.x)]
    if spans:
        first, last = min(first for first, _ in spans), max(last for _, last in spans)
        if last - first < _FEW_DAYS:
            shown = [(first - _ROOM).isoformat(), (last + _ROOM).isoformat()]
            figure.update_xaxes(range=shown, dtick=_DAY_MS, tickformat=DAY)
    return figure


def _span(days: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
    index = pd.to_datetime(pd.Index(days), utc=True)
    return index.min(), index.max()


def with_gaps(frame: pd.DataFrame, time: str) -> pd.DataFrame:
    """Return the rows, ordered in `time`, with an empty one where more than one is missing.

    A line drawn through them is broken there, and does not claim what is not known.
    """
    apart = frame[time].diff()
    missing = frame[time][apart > 2 * apart.median()]
    holes = pd.DataFrame({time: missing - pd.Timedelta(days=1)})
    return pd.concat([frame, holes]).sort_values(time, ignore_index=True) if len(holes) else frame
