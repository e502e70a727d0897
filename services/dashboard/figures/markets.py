"""A ticker's bars with volume, means, RSI and MACD, and what models predicted of it."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from services.dashboard.downsample import for_screen
from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import BLUE, FALL, GOLD, GREY, ORANGE, RISE, SHADE, VIOLET

MEANS = {"sma_50": ("Mean of 50 days", BLUE), "sma_200": ("Mean of 200 days", ORANGE)}


def draw(bars: pd.DataFrame, features: pd.DataFrame, currency: str) -> go.Figure:
    """Return candles above volume; RSI and MACD below them where the features have any."""
    rsi = _some(features, "rsi_14")
    macd = _some(features, "macd")
    parts = [("price", 0.55), ("volume", 0.15)]
    parts += [("rsi", 0.15)] * rsi + [("macd", 0.15)] * macd
    rows = {name: number for number, (name, _) in enumerate(parts, 1)}
    figure = make_subplots(
        rows=len(parts),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.04,
        row_heights=[share for _, share in parts],
    )
    _candles(figure, bars)
    for column, (name, colour) in MEANS.items():
        if _some(features, column):
            _line(figure, features, column, name, colour, 1)
    framed(figure, height=420 + 110 * (len(parts) - 2))
    figure.update_yaxes(title_text=currency, row=1, col=1)
    figure.update_yaxes(title_text="volume", exponentformat="SI", row=2, col=1)
    if rsi:
        _line(figure, features, "rsi_14", "RSI, 14 days", VIOLET, rows["rsi"])
        for bound in (30, 70):
            figure.add_hline(
                bound, line={"color": GREY, "width": 1, "dash": "dot"}, row=rows["rsi"]
            )
        figure.update_yaxes(title_text="RSI", range=[0, 100], row=rows["rsi"], col=1)
    if macd:
        _line(figure, features, "macd", "MACD", RISE, rows["macd"])
        _line(figure, features, "macd_signal", "MACD's signal", GOLD, rows["macd"])
        figure.update_yaxes(title_text="MACD", row=rows["macd"], col=1)
    figure.update_xaxes(rangeslider_visible=False)
    return over_time(figure, rangebreaks=[{"bounds": ["sat", "mon"]}] if _weekdays(bars) else [])


def _candles(figure: go.Figure, bars: pd.DataFrame) -> None:
    figure.add_candlestick(
        x=bars["date"],
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        close=bars["close"],
        name="Day (hollow: up, full: down)",
        increasing={"line": {"color": RISE}, "fillcolor": "rgba(0, 0, 0, 0)"},
        decreasing={"line": {"color": FALL}, "fillcolor": FALL},
        row=1,
        col=1,
    )
    figure.add_bar(
        x=bars["date"],
        y=bars["volume"],
        name="Volume",
        marker={"color": GREY},
        showlegend=False,
        hovertemplate="%{y:,.0f}",
        row=2,
        col=1,
    )


def _line(
    figure: go.Figure, frame: pd.DataFrame, column: str, name: str, colour: str, row: int
) -> None:
    figure.add_scatter(
        x=frame["date"],
        y=frame[column],
        name=name,
        mode="lines",
        line={"color": colour, "width": 1.5},
        hovertemplate="%{y:,.2f}",
        row=row,
        col=1,
    )


def _some(frame: pd.DataFrame, column: str) -> bool:
    return column in frame and bool(frame[column].notna().any())


def _weekdays(bars: pd.DataFrame) -> bool:
    return not bars.empty and bool((bars["date"].dt.day_of_week < 5).all())


UNITS = {"log_return": "log return", "volatility": "size of the log return"}
"""What stands beside the axis of predictions that are not in the bars' currency."""


def scored(predictions: pd.DataFrame, bars: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return predictions with the `actual` of their day, and whether it fell `inside`.

    Both are missing where the day has not come, and for targets that bars do not tell.
    """
    closes = bars["close"]
    returns = pd.Series(np.log(closes / closes.shift()), bars.index)
    told = {"close": closes, "log_return": returns, "volatility": returns.abs()}
    actual = pd.DataFrame({"target_date": bars["date"], "actual": told.get(target, np.nan)})
    table = predictions.merge(actual, on="target_date", how="left")
    inside = table["actual"].between(table["lower"], table["upper"]).astype("boolean")
    return table.assign(inside=inside.mask(table["actual"].isna() | table["lower"].isna()))


def draw_predictions(table: pd.DataFrame, target: str, unit: str) -> go.Figure:
    """Return the predictions of one model and target with their interval, and what came."""
    figure = go.Figure()
    days = table["target_date"]
    for column, fill in (("upper", None), ("lower", "tonexty")):
        figure.add_scatter(
            x=days,
            y=table[column],
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=SHADE,
            name="Interval",
            showlegend=fill is not None,
            hovertemplate="%{y:,.4g}",
        )
    if _some(table, "actual"):
        figure.add_scatter(
            x=days,
            y=table["actual"],
            name="What came",
            mode="markers",
            marker={"color": BLUE, "size": 5},
            hovertemplate="%{y:,.4g}",
        )
    figure.add_scatter(
        x=days,
        y=table["prediction_value"],
        name=f"Predicted {target}",
        mode="lines",
        line={"color": VIOLET, "width": 2},
        hovertemplate="%{y:,.4g}",
    )
    return over_time(framed(figure, unit=unit, height=320))


def draw_closes(closes: pd.DataFrame, features: pd.DataFrame, currency: str) -> go.Figure:
    """Return closes as a line, with means where there are any: for spans too long for candles."""
    figure = make_subplots(rows=1, cols=1)
    _line(figure, closes, "close", "Close", BLUE, 1)
    for column, (name, _) in MEANS.items():
        if _some(features, column):
            thin = for_screen(features, column)
            _line(figure, thin, column, name, ORANGE if column == "sma_200" else VIOLET, 1)
    return over_time(framed(figure, unit=currency))
