"""What was known on a day beside what is known now: choose a series and a day."""

import datetime as dt

import pandas as pd
import streamlit as st

from services.dashboard.client import Answer
from services.dashboard.figures import revisions as figures
from services.dashboard.moment import Moment
from services.dashboard.panel import empty, picture
from services.dashboard.reading import Reading

FIRST_SERIES, FIRST_DAY = "GDP", dt.date(2008, 10, 30)
_YEARS = 3


def show(reading: Reading) -> None:
    """Draw the page."""
    now = Moment()
    stored = reading.rows(
        "fred_data", parameters={"fields": "series_id,date"}, view="/latest", moment=now
    )
    about = reading.rows("fred_series", parameters={"fields": "series_id,title,units"}, moment=now)
    if stored.frame.empty:
        empty("No series is stored yet.", "Set FRED_API_KEY and start `econstream up`.")
        return
    known = about.frame.set_index("series_id")
    series_id, day = _choose(reading, list(stored.frame["series_id"]), known)
    units = _known(known, series_id, "units") or "unit not stored"
    then = Reading(reading.api, reading.registry, Moment(day), reading.seen)
    span = _span(day)
    before = then.rows("fred_data", [series_id], span)
    after = reading.rows("fred_data", [series_id], span, moment=now)
    if before.frame.empty:
        empty(
            f"Nothing of {series_id} was known on {day.isoformat()}.",
            "Choose a later day; or put the series under `vintages` in watchlist.toml, so that "
            "its history is fetched.",
        )
        return
    _beside(then, series_id, day, units, (before, after))
    newest = before.frame["date"].iloc[-1]
    _fan(Reading(reading.api, reading.registry, now, reading.seen), series_id, day, units, newest)


def _choose(reading: Reading, stored: list[str], known: pd.DataFrame) -> tuple[str, dt.date]:
    first = stored.index(FIRST_SERIES) if FIRST_SERIES in stored else 0
    left, right = st.columns([3, 1])
    series_id = left.selectbox(
        "Series",
        stored,
        index=first,
        format_func=lambda name: " · ".join(filter(None, [name, _known(known, name, "title")])),
    )
    if reading.moment.day is not None:
        right.text_input("Day", reading.moment.day.isoformat(), disabled=True, key="told day")
        return series_id, reading.moment.day
    day = right.date_input(
        "Day",
        FIRST_DAY,
        min_value=dt.date(1920, 1, 1),
        max_value=dt.datetime.now(dt.UTC).date(),
        format="YYYY-MM-DD",
        key="revisions day",
    )
    return series_id, day


def _beside(
    then: Reading, series_id: str, day: dt.date, units: str, both: tuple[Answer, Answer]
) -> None:
    table = figures.beside(both[0].frame, both[1].frame)
    newest = table.dropna(subset=["then"]).iloc[-1]
    with st.container(horizontal=True):
        label = f"{series_id} of {newest['date']:%Y-%m-%d}, {units}"
        st.metric(f"{label}, known on {day.isoformat()}", _number(newest["then"]), width="content")
        change = None if pd.isna(newest["percent"]) else f"{newest['percent']:+.2f} %"
        st.metric(
            f"{label}, known now",
            _number(newest["now"]),
            change,
            delta_color="off",
            width="content",
        )
    title = f"{series_id}: known on {day.isoformat()} beside known now"
    picture(then, title, figures.draw_beside(table, day, units), both)
    st.dataframe(
        table.dropna(subset=["then"]).sort_values("date", ascending=False),
        hide_index=True,
        height=240,
        column_config={
            "date": st.column_config.DateColumn("Date", format="YYYY-MM-DD"),
            "then": st.column_config.NumberColumn(
                f"Known on {day.isoformat()}", format="localized"
            ),
            "now": st.column_config.NumberColumn("Known now", format="localized"),
            "change": st.column_config.NumberColumn("Change", format="%+.3f"),
            "percent": st.column_config.NumberColumn("Change, %", format="%+.2f"),
        },
    )


def _fan(reading: Reading, series_id: str, day: dt.date, units: str, newest: pd.Timestamp) -> None:
    span = _span(day)
    versions = reading.rows("fred_data", [series_id], {**span, "revisions": "true"})
    changes = versions.frame["known_from"].nunique()
    note = f"{changes:,} vintages between {span['start']} and {span['end']}"
    if changes > figures.FAN_LINES:
        note += f", {figures.FAN_LINES} drawn"
    fan = figures.draw_fan(versions.frame, day, units)
    picture(reading, f"{series_id}: every vintage", fan, [versions], note)
    dates = sorted(versions.frame["date"].unique(), reverse=True)
    date = st.selectbox(
        "Follow one figure", dates, index=dates.index(newest),
        format_func=lambda value: f"{value:%Y-%m-%d}",
    )  # fmt: skip
    history = figures.draw_history(versions.frame, date, units)
    picture(reading, f"{series_id} of {date:%Y-%m-%d}, as it was restated", history, [versions])


def _span(day: dt.date) -> dict[str, str]:
    around = dt.timedelta(days=365 * _YEARS)
    return {"start": (day - around).isoformat(), "end": (day + around).isoformat()}


def _number(value: float) -> str:
    return f"{value:,.2f}" if value == value else "none"


def _known(known: pd.DataFrame, name: str, column: str) -> str:
    text = known[column].get(name)
    return text if isinstance(text, str) else ""
