"""A picture with what belongs to it: how it was known, what it leaves out, its data and address."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Literal

import plotly.graph_objects as go
import streamlit as st

from services.dashboard.client import Answer
from services.dashboard.moment import MEANING, Known, how_known
from services.dashboard.reading import Reading

_COLOURS: dict[Known, Literal["blue", "green", "violet", "orange"]] = {
    Known.NOW: "blue",
    Known.VINTAGE: "green",
    Known.OBSERVED: "violet",
    Known.ASSUMED: "orange",
}
_TABLE_ROWS = 500
_CHART = {"displaylogo": False, "scrollZoom": False, "responsive": True}
_FORMATS = (("CSV", "csv", "text/csv"), ("Parquet", "parquet", "application/vnd.apache.parquet"))


def picture(
    reading: Reading, title: str, figure: go.Figure, answers: Sequence[Answer], note: str = ""
) -> None:
    """Show a figure with a heading, its badge, and its data to look at and to take away.

    The first answer is the one whose badge is shown, with all that were asked for like it.
    """
    st.subheader(title, anchor=False)
    key, alt = f"chart {title}", _told(title, figure)
    st.plotly_chart(figure, width="stretch", key=key, config=_CHART, alt=alt)
    provenance(reading, title, answers, note)


def _told(title: str, figure: go.Figure) -> str:
    """Return what a picture shows for those who cannot see it; its data stand below it."""
    drawn = [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]
    return f"{title}. Drawn: {', '.join(dict.fromkeys(drawn))}. The data can be read below."


def provenance(reading: Reading, title: str, answers: Sequence[Answer], note: str = "") -> None:
    """Show how answers were known, and offer them as CSV and Parquet beside their address."""
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(
            reading, [answer for answer in answers if _of_moment(answer) == _of_moment(answers[0])]
        )
        if note:
            st.caption(note, width="content")
        with st.popover("Data and API address", icon=":material/download:"):
            for number, answer in enumerate(answers):
                _offer(reading, f"{title} {number}", answer)


def badge(reading: Reading, answers: Sequence[Answer]) -> None:
    """Show how the answers' rows were known at the page's moment."""
    order = list(Known)
    known, share = max(
        (how_known(answer.frame, reading.moment) for answer in answers),
        key=lambda found: (order.index(found[0]), found[1]),
    )
    day = reading.moment.day
    text = known.value if day is None else f"{known.value} · known {reading.moment.told()}"
    if day is None and known is not Known.NOW:
        text += " · every version"
    if known is Known.ASSUMED and share < 1:
        text += f" · {share:.0%} of rows"
    st.badge(text, color=_COLOURS[known], help=MEANING[known], width="content")


def _of_moment(answer: Answer) -> bool:
    return "as_of" in answer.parameters


def _offer(reading: Reading, key: str, answer: Answer) -> None:
    st.code(answer.url, language=None, wrap_lines=True)
    name = re.sub(r"\W+", "_", f"{answer.path.removeprefix('/v1/data/')}_{reading.moment.told()}")
    with st.container(horizontal=True):
        for label, form, media in _FORMATS:
            st.download_button(
                label,
                partial(reading.api.download, answer.path, answer.parameters, form),
                file_name=f"{name}.{form}",
                mime=media,
                key=f"{form} {key}",
                on_click="ignore",
            )
    rows = len(answer.frame)
    shown = answer.frame.tail(_TABLE_ROWS)
    st.caption(f"{rows:,} rows" + (f", the last {_TABLE_ROWS} below" if rows > _TABLE_ROWS else ""))
    st.dataframe(shown, hide_index=True, height=220)


def empty(what: str, to_do: str) -> None:
    """Say that there is nothing to show, and what would change that."""
    st.info(f"**{what}** {to_do}", icon=":material/inbox:")
