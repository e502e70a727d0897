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

BASELINE = "naive"
"""The model that others are held against: offered last."""

MEASURES = {
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
    "interval_coverage": "Share inside the interval",
    "directional_accuracy": "Share with the right sign",
    "skill": "Skill: 1 is perfect, 0 the naive one's",
}


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
    _predictions(reading, ticker, bars, since, currency)


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


def _predictions(
    reading: Reading, ticker: str, bars: Answer, since: dict[str, str], currency: str
) -> None:
    st.subheader("Predictions", anchor=False)
    made = reading.rows("ml_predictions", [ticker], since)
    if made.frame.empty:
        empty("No predictions yet.", "`econstream process` makes them from the bars.")
        return
    ways = {*zip(made.frame["model_name"], made.frame["target"], strict=True)}
    model, target = st.selectbox(
        "Model and target",
        sorted(ways, key=lambda way: (way[0] == BASELINE, way)),
        format_func=" · ".join,
    )
    chosen = made.frame[(made.frame["model_name"] == model) & (made.frame["target"] == target)]
    ordered = chosen.sort_values("target_date", ignore_index=True)
    table = figures.scored(ordered, bars.frame, target)
    thin = downsample.for_screen(table, "prediction_value")
    unit = currency if target == "close" else figures.UNITS.get(target, target)
    notes = [_held(table), downsample.told(len(thin), len(table))]
    picture(
        reading,
        f"{ticker}: what {model} predicted of the {target.replace('_', ' ')}",
        figures.draw_predictions(thin, target.replace("_", " "), unit),
        [made],
        "; ".join(filter(None, notes)),
    )
    _scores(reading, ticker, model, target)


def _held(table: pd.DataFrame) -> str:
    """Return how often the interval was to hold what came, and how often it did."""
    level, inside = table["interval_level"].dropna(), table["inside"].dropna()
    if level.empty or inside.empty:
        return ""
    share = f"{inside.mean():.0%} of {len(inside):,} days"
    return f"The interval is to hold {level.iloc[-1]:.0%} and held {share}"


def _scores(reading: Reading, ticker: str, model: str, target: str) -> None:
    asked = {"model_name": model, "target": target, "universe": ticker}
    scores = reading.rows("model_performance", None, asked)
    if scores.frame.empty:
        st.caption("How well it predicts is not known yet: it is scored once days have come.")
        return
    each = ["metric_name", "horizon", "dataset_type"]
    newest = scores.frame.sort_values("evaluation_date").groupby(each).tail(1)
    newest = newest.sort_values(["dataset_type", "metric_name"])
    columns = ["metric_name", "metric_value", "baseline_value", "n", "evaluation_date"]
    st.dataframe(
        newest.assign(metric_name=newest["metric_name"].map(lambda name: MEASURES.get(name, name)))[
            [*columns, *each[1:]]
        ],
        hide_index=True,
        column_config={
            "metric_name": "Measure",
            "metric_value": st.column_config.NumberColumn(model, format="%.4f"),
            "baseline_value": st.column_config.NumberColumn("Naive prediction", format="%.4f"),
            "n": st.column_config.NumberColumn("Days that counted", format="localized"),
            "evaluation_date": st.column_config.DateColumn("Up to", format="YYYY-MM-DD"),
            "horizon": "Days ahead",
            "dataset_type": "Kind",
        },
    )
    provenance(reading, f"scores of {model}", [scores], f"How {model} scored")
