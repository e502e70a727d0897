"""Economic series from FRED, as they are known now or were known on a day."""

from textwrap import shorten

import pandas as pd
import streamlit as st

from services.dashboard import downsample
from services.dashboard.client import Answer
from services.dashboard.figures import economy as figures
from services.dashboard.moment import Moment
from services.dashboard.panel import empty, picture
from services.dashboard.reading import Reading

FIRST = ("GDP", "UNRATE", "CPIAUCSL", "DGS10", "DGS2", "FEDFUNDS", "PAYEMS", "CPILFESL")
"""What is shown first, of these what is stored."""

_NO_RECESSIONS = "No recessions shaded: the series USREC is not stored"
_AT_FIRST = 2
_AT_MOST = 6
_LEGEND_LETTERS = 44


def show(reading: Reading) -> None:
    """Draw the page."""
    newest = reading.rows(
        "fred_data", None, {"fields": "series_id,date,value,as_of"}, view="/latest"
    )
    if newest.frame.empty:
        _nothing(reading)
        return
    # What a series is called is not looked up as of the day: descriptions came later than figures.
    about = reading.rows(
        "fred_series", None, {"fields": "series_id,title,units,as_of"}, moment=Moment()
    )
    known = about.frame.set_index("series_id")
    chosen = _choose(newest.frame, known)
    if not chosen:
        empty("No series is chosen.", "Choose one above.")
        return
    names = {name: _text(known, name, "title", name) for name in chosen}
    units = {name: _text(known, name, "units", "unit not stored") for name in chosen}
    shape = figures.Shape(st.segmented_control(
        "Draw as", list(figures.Shape), default=figures.Shape.LEVEL, required=True
    ))  # fmt: skip
    _metrics(newest.frame, names, units)
    rows = reading.rows("fred_data", chosen)
    _picture(reading, chosen, shape, names, units, [rows, about])


def _choose(newest: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    stored = list(newest["series_id"])
    first = [name for name in FIRST if name in stored]
    options = first + [name for name in stored if name not in first]
    # A newcomer sees what says what it is.
    told = [name for name in options if name in known.index]
    return st.multiselect(
        "Series",
        options,
        default=(told or options)[:_AT_FIRST],
        max_selections=_AT_MOST,
        format_func=lambda name: " · ".join(filter(None, [name, _text(known, name, "title", "")])),
    )


def _metrics(newest: pd.DataFrame, names: dict[str, str], units: dict[str, str]) -> None:
    values = newest.set_index("series_id").to_dict("index")
    with st.container(horizontal=True):
        for name, title in names.items():
            row = values[name]
            value = f"{row['value']:,.2f}" if row["value"] == row["value"] else "none"
            label = f"{name} · {row['date']:%Y-%m-%d} · {units[name]}"
            st.metric(label, value, width="content", help=title)


def _picture(
    reading: Reading,
    chosen: list[str],
    shape: figures.Shape,
    names: dict[str, str],
    units: dict[str, str],
    answers: list[Answer],
) -> None:
    rows = answers[0]
    usrec = reading.rows("fred_data", ["USREC"], {"fields": "date,value"})
    series = {
        name: figures.shaped(part[["date", "value"]].reset_index(drop=True), shape)
        for name in chosen
        if len(part := rows.frame[rows.frame["series_id"] == name])
    }
    shared = figures.UNITS.get(shape)
    figure, shown, whole = figures.draw(
        series,
        {name: shorten(title, _LEGEND_LETTERS, placeholder=" …") for name, title in names.items()},
        {name: shared or units[name] for name in series},
        figures.recessions(usrec.frame),
    )
    note = "Grey: US recessions (USREC)" if len(usrec.frame) else _NO_RECESSIONS
    fewer = downsample.told(shown, whole)
    picture(reading, "Over time", figure, answers, "; ".join(filter(None, [note, fewer])))


def _text(known: pd.DataFrame, name: str, column: str, without: str) -> str:
    text = known[column].get(name)
    return text if isinstance(text, str) else without


def _nothing(reading: Reading) -> None:
    if reading.moment.day is not None:
        empty(
            f"No series is known {reading.moment.told()}.",
            "Choose a later day; or put the series under `vintages` in watchlist.toml, so that "
            "its history of vintages is fetched.",
        )
        return
    empty(
        "No series is stored yet.",
        "FRED needs a free key: set FRED_API_KEY, then start `econstream up` or "
        "`econstream fetch fred --once`.",
    )
