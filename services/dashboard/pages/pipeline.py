"""How the pipeline stands: sources, freshness, lag and dead letters, anew every two seconds."""

import datetime as dt

import pandas as pd
import streamlit as st

from services.dashboard.figures import pipeline as figures
from services.dashboard.panel import empty, picture
from services.dashboard.reading import Reading
from shared.errors import ConfigError, EconstreamError, Transient

EVERY_SECONDS = 2.0
_DAYS = 14


def show(reading: Reading) -> None:
    """Draw the page."""
    if reading.moment.day is not None:
        st.caption("The pipeline is shown as it stands now, whatever day is chosen.")
    # Asked here too: while the API is away, the page and not a part of it says so.
    reading.api.document("/v1/status")
    _state(reading)
    _refreshes(reading)
    _letters(reading)


@st.fragment(run_every=EVERY_SECONDS)
def _state(reading: Reading) -> None:
    try:
        status = reading.api.document("/v1/status")
    except Transient:
        st.rerun()
    datasets = status["datasets"]
    with st.container(horizontal=True):
        lag = status["lag"]
        st.metric("Lag: records not stored yet", "no broker" if lag is None else f"{lag:,}")
        st.metric("Rows stored", f"{sum(entry['rows'] for entry in datasets):,}")
        st.metric("Dead letters", f"{sum(entry['dead_letters'] for entry in datasets):,}")
        st.metric("Records a second", _rate(datasets))
    st.subheader("Sources", anchor=False)
    if status["sources"]:
        st.dataframe(
            figures.sources(status["sources"]),
            hide_index=True,
            column_config={"Records": st.column_config.NumberColumn(format="localized")},
        )
        for message in figures.messages(status["sources"]):
            st.text(message)
    else:
        empty("No source has run yet.", "Start `econstream up` or `econstream fetch`.")
    st.subheader("Datasets", anchor=False)
    table = figures.datasets(datasets, pd.Timestamp.now("UTC"))
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={"Rows": st.column_config.NumberColumn(format="localized")},
    )


def _rate(datasets: list[figures.Entry]) -> str:
    """Return how fast the store takes records in, since the look before this one."""
    offsets = [part["stored_offset"] or 0 for d in datasets for part in d["partitions"]]
    now = (pd.Timestamp.now("UTC"), sum(offsets))
    before = st.session_state.get("stored", now)
    st.session_state["stored"] = now
    seconds = (now[0] - before[0]).total_seconds()
    return f"{max(now[1] - before[1], 0) / seconds:,.0f}" if seconds > 0 else "measuring"


def _refreshes(reading: Reading) -> None:
    log = reading.rows("data_refresh_log", None, {"start": _since()})
    if len(log.frame):
        picture(reading, "What refreshes brought", figures.draw_refreshes(log.frame), [log])


def _since() -> str:
    """Return the day from which on refreshes are shown."""
    today = dt.datetime.now(dt.UTC).date()
    return (today - dt.timedelta(days=_DAYS)).isoformat()


@st.fragment(run_every=EVERY_SECONDS)
def _letters(reading: Reading) -> None:
    st.subheader("Dead letters", anchor=False)
    key = st.text_input(
        "Key of scope admin",
        type="password",
        key="admin key",
        autocomplete="off",
        help="`econstream keys create --scope admin` makes one. It stays in this browser tab's "
        "session and is sent to the API alone.",
    )
    try:
        letters = reading.api.document("/v1/dead-letters", key=key)["data"]
    except Transient:
        st.rerun()
    except ConfigError:
        st.info(
            "Dead letters are for administrators: give a key of scope admin above."
            if not key
            else "The API does not take this key: it wants one of scope admin.",
            icon=":material/key:",
        )
        return
    if not letters:
        empty("No dead letters.", "Every record was stored.")
    for letter in letters:
        _letter(reading, letter, key)


def _letter(reading: Reading, letter: figures.Entry, key: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        place = f"partition {letter['partition']}, offset {letter['offset']}"
        if letter["attempts"] > 1:
            place += f" · tried {letter['attempts']} times"
        st.markdown(f"**{letter['dataset']}** · `{letter['error_code']}`", width="content")
        st.text(letter["reason"], width="stretch")
        st.caption(f"{place} · {letter['created_at'][:16].replace('T', ' ')} UTC", width="content")
        number = letter["id"]
        if st.button("Replay", key=f"replay {number}", help="Publish its record again"):
            _order(reading, "POST", f"/v1/dead-letters/{number}/replay", key)
        if st.button("Discard", key=f"discard {number}", help="Let it go; it is kept as resolved"):
            _order(reading, "DELETE", f"/v1/dead-letters/{number}", key)


def _order(reading: Reading, method: str, path: str, key: str) -> None:
    try:
        reading.api.order(method, path, key)
    except EconstreamError as exc:
        st.error(str(exc))
        return
    st.toast(
        "Published again: it leaves the list once it is stored."
        if method == "POST"
        else "Discarded."
    )
    st.rerun()
