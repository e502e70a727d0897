"""How the pipeline stands, as tables: sources, datasets, dead letters, and how much comes in."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import BLUE

Entry = Mapping[str, Any]

_HALF_AN_HOUR, _HOUR_MS = pd.Timedelta(minutes=30), 60 * 60 * 1000
NONE = "-"
"""What stands where there is nothing to say."""

WHAT_TO_DO = {
    "FRED_API_KEY": "FRED has no key: set FRED_API_KEY (free), or let its graph downloads do",
    "401": "the upstream refuses the key: check the source's key setting",
    "429": "the upstream asks for patience: the next refresh comes by itself",
}


def sources(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return a row for each source: how its last refresh ended, and when the next is due."""
    return pd.DataFrame(
        {
            "Source": [entry["source"] for entry in entries],
            "Dataset": [entry["dataset"] for entry in entries],
            "Status": [_mark(entry["status"]) for entry in entries],
            "Last refresh (UTC)": _moments(entries, "last_refresh"),
            "Next refresh (UTC)": _moments(entries, "next_refresh"),
            "Records": [entry["records"] for entry in entries],
        }
    )


def messages(entries: Sequence[Entry]) -> list[str]:
    """Return what sources have to say of their last refresh, with what to do about it."""
    return [
        f"{entry['source']}: {advice(entry['error_message'])}"
        for entry in entries
        if entry["error_message"]
    ]


def datasets(entries: Sequence[Entry], now: pd.Timestamp) -> pd.DataFrame:
    """Return a row for each dataset: rows, newest date, freshness against cadence, lag."""
    return pd.DataFrame(
        {
            "Dataset": [entry["name"] for entry in entries],
            "Fresh": [_freshness(entry, now) for entry in entries],
            "Rows": [entry["rows"] for entry in entries],
            "Newest": [(entry["last"] or NONE)[:10] for entry in entries],
            "Expected next": [(entry.get("expected_next") or NONE)[:10] for entry in entries],
            "Cadence": [entry["cadence"] for entry in entries],
            "Lag (records)": [entry.get("lag") for entry in entries],
            "Dead letters": [entry.get("dead_letters", 0) for entry in entries],
        }
    )


def advice(message: str | None) -> str:
    """Return a source's message with what to do about it, where that is known."""
    if not message:
        return ""
    known = next((told for sign, told in WHAT_TO_DO.items() if sign in message), "")
    return f"{message} → {known}" if known else message


def _freshness(entry: Entry, now: pd.Timestamp) -> str:
    if not entry["rows"]:
        return "○ empty"
    due = entry.get("expected_next")
    if due is None:
        return "● as it comes"
    return "▲ overdue" if pd.Timestamp(due, tz="UTC") < now.floor("D") else "● fresh"


def _mark(status: str | None) -> str:
    marks = {"success": "✓", "unchanged": "✓", "partial": "▲", "failed": "✗"}
    return f"{marks.get(status or '', '○')} {status or 'never'}"


def _moments(entries: Sequence[Entry], name: str) -> list[str]:
    texts = [entry.get(name) for entry in entries]
    return [f"{text[:10]} {text[11:16]}" if text else NONE for text in texts]


def draw_refreshes(log: pd.DataFrame) -> go.Figure:
    """Return the records that each hour's refreshes published."""
    hours = log.groupby(pd.to_datetime(log["refresh_time"], utc=True).dt.floor("h"))
    counts = hours["records_updated"].sum()
    figure = go.Figure()
    figure.add_bar(
        x=pd.DatetimeIndex(counts.index) + _HALF_AN_HOUR,
        y=counts,
        width=_HOUR_MS,
        name="Records published",
        marker={"color": BLUE},
        hovertemplate="%{y:,}",
    )
    figure = over_time(framed(figure, unit="records an hour", height=260))
    figure.update_xaxes(hoverformat="%Y-%m-%d %H:%M")
    return figure
