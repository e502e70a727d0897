"""Money into and out of US funds, week by week and month by month, as ICI counts it."""

import streamlit as st

from services.dashboard.figures import flows as figures
from services.dashboard.moment import Moment
from services.dashboard.panel import empty, picture
from services.dashboard.reading import Reading

_PERIODS = {"Weekly": "ici_etf_weekly_flows", "Monthly": "ici_etf_monthly_flows"}
_FUNDS = {"etf": "ETFs", "mutual_fund": "Mutual funds", "combined": "Both together"}


def show(reading: Reading) -> None:
    """Draw the page."""
    period = st.segmented_control("Period", list(_PERIODS), default="Weekly", required=True)
    name = _PERIODS[period]
    time = reading.registry[name].time or ""
    latest = reading.rows(name, view="/latest")
    if latest.frame.empty:
        day = reading.moment.day
        to_do = "Choose a later day." if day else "Start `econstream up`: ICI needs no key."
        empty(f"No flows are known {reading.moment.told()}.", to_do)
        return
    kinds = list(latest.frame["fund_type"])
    fund = st.segmented_control(
        "Funds", kinds, default=kinds[-1], required=True, format_func=lambda k: _FUNDS.get(k, k)
    )
    rows = reading.rows(name, [fund])
    versions = reading.rows(name, [fund], {"revisions": "true"}, moment=Moment())
    seen = versions.frame
    if reading.moment.end is not None:
        seen = seen[seen["known_from"] <= reading.moment.end]
    changed = figures.restated(seen, time)
    newest = rows.frame.iloc[-1]
    with st.container(horizontal=True):
        span = {"Weekly": "week", "Monthly": "month"}[period]
        label = f"{_FUNDS.get(fund, fund)} · {span} to {newest[time]:%Y-%m-%d} · {figures.UNIT}"
        st.metric(label, f"{newest['total_net_flows']:+,.0f}", width="content")
    note = f"{len(changed):,} of {len(rows.frame):,} figures were restated"
    if newest["is_estimate"]:
        note += "; the newest is an estimate"
    picture(
        reading,
        f"Net flows, {period.lower()}",
        figures.draw(rows.frame, time, changed),
        [rows],
        note,
    )
    if len(changed):
        st.subheader("Restated figures", anchor=False)
        money = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            changed.sort_values(time, ascending=False),
            hide_index=True,
            height=240,
            column_config={
                time: st.column_config.DateColumn("Period to", format="YYYY-MM-DD"),
                "first": money | {"label": f"First published, {figures.UNIT}"},
                "newest": money | {"label": f"Newest, {figures.UNIT}"},
                "times": st.column_config.NumberColumn("Times restated"),
            },
        )
