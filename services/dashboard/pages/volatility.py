"""How much movement is expected: the VIX family over time and along its terms, and options."""

import streamlit as st

from services.dashboard import downsample
from services.dashboard.figures import volatility as figures
from services.dashboard.panel import empty, picture, provenance
from services.dashboard.reading import Reading

_AT_FIRST = ("VIX", "VIX9D", "VIX3M", "VIX6M")


def show(reading: Reading) -> None:
    """Draw the page."""
    latest = reading.rows("cboe_vix_history", view="/latest")
    if latest.frame.empty:
        day = reading.moment.day
        to_do = "Choose a later day." if day else "Start `econstream up`: Cboe needs no key."
        empty(f"No volatility index is known {reading.moment.told()}.", to_do)
    else:
        stored = list(latest.frame["symbol"])
        default = [name for name in _AT_FIRST if name in stored] or stored[:1]
        chosen = st.multiselect("Indices", stored, default=default, max_selections=6)
        with st.container(horizontal=True):
            for _, row in latest.frame[latest.frame["symbol"].isin(chosen)].iterrows():
                label = f"{row['symbol']} · {row['date']:%Y-%m-%d} · % a year"
                st.metric(label, f"{row['close']:,.2f}", width="content")
        if chosen:
            _history(reading, chosen)
        _terms(reading)
    st.subheader("Options", anchor=False)
    _options(reading)


def _history(reading: Reading, chosen: list[str]) -> None:
    rows = reading.rows("cboe_vix_history", chosen, {"fields": "symbol,date,close,as_of"})
    family = {name: rows.frame[rows.frame["symbol"] == name] for name in chosen}
    figure, shown, whole = figures.draw_history(family)
    picture(reading, "Closes over time", figure, [rows], downsample.told(shown, whole))


def _terms(reading: Reading) -> None:
    latest = reading.rows("cboe_vix_history", view="/latest")
    terms = figures.term_structure(latest.frame)
    if len(terms) < 2:
        st.subheader("Term structure", anchor=False)
        empty(
            "There is none yet.",
            "It takes two indices of one day, such as VIX and VIX3M: "
            "`econstream watch add cboe VIX9D VIX3M VIX6M`.",
        )
        return
    day = f"{terms['date'].iloc[0]:%Y-%m-%d}"
    near, far = terms["close"].iloc[0], terms["close"].iloc[-1]
    note = "Near above far: stress" if near > far else "Near below far: calm"
    picture(reading, f"Term structure of {day}", figures.draw_terms(terms), [latest], note)


def _options(reading: Reading) -> None:
    stored = reading.rows("options_data", None, {"fields": "ticker,date,as_of"}, view="/latest")
    if stored.frame.empty:
        empty(
            f"No options are known {reading.moment.told()}.",
            "Chains are kept from the first fetch on: `econstream fetch cboe_options --once`.",
        )
        return
    ticker = st.selectbox("Options on", list(stored.frame["ticker"]))
    rows = reading.rows("options_data", [ticker])
    last = rows.frame.iloc[-1]
    with st.container(horizontal=True):
        day = f"{last['date']:%Y-%m-%d}"
        ratio, implied = last["put_call_ratio"], last["implied_volatility"]
        st.metric(f"{ticker} · puts for each call · {day}", f"{ratio:.2f}", width="content")
        st.metric(
            f"{ticker} · implied volatility · {day}",
            f"{100 * implied:.1f} % a year",
            width="content",
        )
        st.metric(
            f"{ticker} · open interest · {day}",
            f"{last['open_interest']:,} contracts",
            width="content",
        )
    title = f"{ticker}: puts against calls, and implied volatility"
    if len(rows.frame) > 1:
        picture(reading, title, figures.draw_options(rows.frame), [rows])
    else:
        provenance(reading, title, [rows], "One day is stored: drawn from the second on")
