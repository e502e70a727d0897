"""Daily bars with volume and indicators, and what models predicted; new bars come by themselves."""

import datetime as dt

import pandas as pd
import streamlit as st

from services.dashboard import downsample
from services.dashboard.client import Answer
from services.dashboard.figures import markets as figures
from services.dashboard.panel import empty, picture, provenance
from services.dashboard.reading import Reading

SPANS = {"6 months": 183, "1 year": 366, "5 years": 1827, "All": None}
MOST_CANDLES = 1_500
"""As many bars as can be told apart; longer spans are drawn as a line of closes."""

_PREDICTIONS = 250


def show(reading: Reading) -> None:
    """Draw the page."""
    newest = reading.rows(
        "yfinance_ohlcv", None, {"fields": "ticker,date,close,currency,as_of"}, view="/latest"
    )
    if newest.frame.empty:
        day = reading.moment.day
        to_do = "Choose a later day." if day else "Start `econstream up`: Yahoo needs no key."
        empty(f"No bar is known {reading.moment.told()}.", to_do)
        return
    ticker, days = _choose(newest.frame)
    row = newest.frame.set_index("ticker").loc[ticker]
    since = {} if days is None else {"start": (row["date"].date() - dt.timedelta(days)).isoformat()}
    bars = reading.rows("yfinance_ohlcv", [ticker], since)
    features = reading.rows("technical_features", [ticker], since)
    currency = row["currency"] if isinstance(row["currency"], str) else "currency not known"
    _metrics(ticker, bars.frame, currency)
    _bars(reading, ticker, bars, features, currency)
    _predictions(reading, ticker, bars, currency)


def _choose(newest: pd.DataFrame) -> tuple[str, int | None]:
    # The newest first: what is traded is what people come for.
    tickers = list(newest.sort_values(["date", "ticker"], ascending=[False, True])["ticker"])
    preferred = next((name for name in ("SPY", "TSLA", "AAPL") if name in tickers), tickers[0])
    left, right = st.columns([1, 2])
    ticker = left.selectbox("Ticker", sorted(tickers), index=sorted(tickers).index(preferred))
    span = right.segmented_control("Span", list(SPANS), default="1 year", required=True)
    return ticker, SPANS[span]


def _metrics(ticker: str, bars: pd.DataFrame, currency: str) -> None:
    last = bars.iloc[-1]
    change = None
    if len(bars) > 1:
        change = f"{100 * (last['close'] / bars.iloc[-2]['close'] - 1):+.2f} %"
    with st.container(horizontal=True):
        still_open = "" if last["is_final"] else " · session still open"
        label = f"{ticker} · close of {last['date']:%Y-%m-%d} · {currency}{still_open}"
        st.metric(label, f"{last['close']:,.2f}", change, delta_color="off", width="content")


def _bars(reading: Reading, ticker: str, bars: Answer, features: Answer, currency: str) -> None:
    notes = [] if len(features.frame) else ["No RSI, MACD or means yet: `econstream process`"]
    drawn = bars.frame
    if len(drawn) > MOST_CANDLES:
        thin = downsample.for_screen(drawn, "close")
        figure = figures.draw_closes(thin, features.frame, currency)
        notes.append(downsample.told(len(thin), len(drawn)) or f"{len(drawn):,} bars: closes only")
    else:
        figure = figures.draw(drawn, features.frame, currency)
    picture(reading, f"{ticker}, daily", figure, [bars, features], "; ".join(notes))


def _predictions(reading: Reading, ticker: str, bars: Answer, currency: str) -> None:
    made = reading.rows("ml_predictions", [ticker], {"order": "desc", "limit": str(_PREDICTIONS)})
    if made.frame.empty:
        empty("No predictions yet.", "`econstream process` makes them from the bars.")
        return
    ways = sorted({*zip(made.frame["model_name"], made.frame["target"], strict=True)})
    model, target = st.selectbox("Model and target", ways, format_func=" · ".join)
    chosen = made.frame[(made.frame["model_name"] == model) & (made.frame["target"] == target)]
    table = chosen.sort_values("target_date", ignore_index=True)
    unit = target
    if target == "close":
        table, unit = figures.scored(table, bars.frame), currency
    level = table["interval_level"].dropna()
    note = f"Interval holds {level.iloc[-1]:.0%} by the model's claim" if len(level) else ""
    figure = figures.draw_predictions(table, target, unit)
    picture(reading, f"{ticker}: what {model} predicted", figure, [made], note)
    _scores(reading, model, target)


def _scores(reading: Reading, model: str, target: str) -> None:
    scores = reading.rows("model_performance", None, {"model_name": model, "target": target})
    if scores.frame.empty:
        st.caption("How well it predicts is not known yet: it is scored once days have come.")
        return
    columns = ["metric_name", "universe", "horizon", "metric_value", "baseline_value", "n"]
    newest = scores.frame.sort_values("evaluation_date").groupby(columns[:3]).tail(1)
    st.dataframe(newest[["evaluation_date", *columns]], hide_index=True)
    provenance(reading, f"scores of {model}", [scores], "baseline: the naive prediction's figure")
