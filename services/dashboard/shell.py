"""What stands around every page: navigation, the moment, the state of the API, the live watch."""

import datetime as dt
from collections.abc import Callable
from functools import partial

import streamlit as st

from services.dashboard.client import Api
from services.dashboard.follow import Link
from services.dashboard.moment import Moment
from services.dashboard.pages import PAGES, Page
from services.dashboard.reading import Reading
from shared.errors import ConfigError, EconstreamError, Transient
from shared.registry import Registry, discover
from shared.settings import load_settings

WATCH_SECONDS = 1.0
FIRST_DAY = dt.date(1990, 1, 1)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 13l4-5 3 3 7-9' fill='none' stroke='%232f6fe4' stroke-width='2'/%3E%3C/svg%3E"
)
_STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-top: 3rem; padding-bottom: 3rem}
[data-testid=stMultiSelect] [data-tag] {background-color: #1f5fd0; color: #ffffff}
.js-plotly-plot :is([class*=tick], [class*=title], .legend) text {fill: currentColor !important}
</style>"""
_STATES = {
    Link.LIVE: ":green[●] Live: follows what is stored",
    Link.OPENING: ":gray[○] Opening the event stream",
    Link.REFUSED: ":gray[○] Not live: read again every few seconds",
    Link.AWAY: ":red[✗] The API does not answer",
}


def show(api_url: str) -> None:
    """Draw the page that the browser asks for, once; called by Streamlit for every look."""
    st.set_page_config(page_title="econstream", page_icon=_ICON, layout="wide")
    api, registry = _api(api_url), _registry()
    with st.sidebar:
        moment = _moment()
    pages = [
        st.Page(
            partial(_draw, api, registry, moment, page),
            title=page.title,
            icon=f":material/{page.icon}:",
            url_path=page.name,
            default=number == 0,
        )
        for number, page in enumerate(PAGES)
    ]
    st.html(_STYLE)
    st.navigation(pages).run()


def prepare(api_url: str) -> None:
    """Have made what all looks share: the API's client, its certificates, the declared datasets."""
    _api(api_url)
    _registry()


@st.cache_resource(show_spinner=False)
def _api(url: str) -> Api:
    settings = load_settings()
    key = settings.dashboard_api_key
    return Api(url, key.get_secret_value() if key else None, settings.dashboard_api_public_url)


@st.cache_resource(show_spinner=False)
def _registry() -> Registry:
    return discover()


def _draw(api: Api, registry: Registry, moment: Moment, page: Page) -> None:
    reading = Reading(api, registry, moment)
    st.title(page.title, anchor=False)
    st.caption(page.about)
    try:
        page.show(reading)
    except Transient as exc:
        _away(reading, exc)
        return
    except ConfigError as exc:
        st.warning(str(exc), icon=":material/key:")
        return
    except EconstreamError as exc:
        st.error(f"{exc} Reload the page; if that does not help, choose another moment.")
        return
    with st.sidebar:
        _watch(reading, reading.link())


def _away(reading: Reading, exc: Transient) -> None:
    st.error(f"{exc} This page looks again by itself.", icon=":material/cloud_off:")
    _look_again(reading.api)


@st.fragment(run_every=WATCH_SECONDS)
def _look_again(api: Api) -> None:
    if api.answers():
        st.rerun()


@st.fragment(run_every=WATCH_SECONDS)
def _watch(reading: Reading, drawn: Link) -> None:
    """Draw the whole page anew when what it shows has changed, or the API went or came."""
    now = reading.link()
    if reading.moment.day is not None and now is Link.LIVE:
        st.caption(f"Known {reading.moment.told()}: stands still")
    else:
        st.caption(_STATES[now])
    gone = (now is Link.AWAY) != (drawn is Link.AWAY)
    if gone or (reading.moment.day is None and reading.changed()):
        st.rerun()


def _moment() -> Moment:
    """Ask for the moment that all pages are about; the address of the page keeps it."""
    today = dt.datetime.now(dt.UTC).date()
    _begin(today)
    past = st.toggle("As it was known on a day", key="past", help="Turns every page back in time.")
    if not past:
        st.query_params.pop("as_of", None)
        return Moment()
    st.slider(
        "Day",
        min_value=FIRST_DAY,
        max_value=today,
        key="slid",
        format="YYYY-MM-DD",
        on_change=_copy("slid", "typed"),
    )
    st.date_input(
        "or type it (year-month-day)",
        min_value=FIRST_DAY,
        max_value=today,
        key="typed",
        format="YYYY-MM-DD",
        on_change=_copy("typed", "slid"),
    )
    assume = st.checkbox(
        "Assume publication dates",
        key="assume",
        help="Where a source keeps no vintages, believe that its first figure was known once it "
        "was published. Off: only what this system had fetched by then.",
    )
    day: dt.date = st.session_state["slid"]
    st.query_params["as_of"] = day.isoformat()
    return Moment(day, assume)


def _begin(today: dt.date) -> None:
    """Set the widgets' first state, from the page's address where it names a day."""
    state = st.session_state
    if "past" in state:
        return
    try:
        day = dt.date.fromisoformat(st.query_params.get("as_of", ""))
        state["past"] = FIRST_DAY <= day <= today
    except ValueError:
        day, state["past"] = today - dt.timedelta(days=365), False
    state["slid"] = state["typed"] = min(max(day, FIRST_DAY), today)
    state["assume"] = True


def _copy(source: str, target: str) -> Callable[[], None]:
    def copy() -> None:
        if st.session_state[source] is not None:
            st.session_state[target] = st.session_state[source]

    return copy
