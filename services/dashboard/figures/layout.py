"""What all pictures share: their frame, their axes, how a day and a number are spelled."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from services.dashboard.palette import GREY

DAY = "%Y-%m-%d"
_AXIS = {"gridcolor": "rgba(128, 134, 142, 0.25)", "zerolinecolor": GREY, "automargin": True}
_SPANS = (("1Y", 1), ("5Y", 5), ("10Y", 10))


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
        uirevision="kept",
    )
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS, title={"text": unit or "", "standoff": 6})
    return figure


def over_time(figure: go.Figure, **axis: Any) -> go.Figure:
    """Return the figure with days along the bottom, spelled the same everywhere."""
    figure.update_xaxes(hoverformat=DAY, type="date", **axis)
    return figure


def span_buttons() -> Mapping[str, Any]:
    """Return the buttons that choose how many years are shown."""
    buttons: list[dict[str, Any]] = [
        {"count": years, "label": label, "step": "year", "stepmode": "backward"}
        for label, years in _SPANS
    ]
    return {"buttons": [*buttons, {"step": "all", "label": "All"}]}
