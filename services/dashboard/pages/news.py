"""Headlines of the press about markets and tickers, with how they sound."""

import datetime as dt

import pandas as pd
import streamlit as st

from services.dashboard.figures import news as figures
from services.dashboard.panel import empty, picture, provenance
from services.dashboard.reading import Reading

_DAYS = 30
_MOST = 300


def show(reading: Reading) -> None:
    """Draw the page."""
    asked = {"start": _since(reading)}
    articles = reading.rows("news_articles", None, asked)
    if articles.frame.empty:
        day = reading.moment.day
        to_do = "Choose another day." if day else "Start `econstream up`: feeds need no key."
        empty(f"No headline of {_DAYS} days is known {reading.moment.told()}.", to_do)
        return
    tickers = sorted({name for names in articles.frame["tickers"] for name in names})
    chosen = None
    if tickers:
        chosen = st.selectbox("Ticker", tickers, index=None, placeholder="All headlines")
    else:
        st.caption("All headlines: none of them names a ticker.")
    if chosen:
        articles = reading.rows("news_articles", None, {**asked, "tickers": chosen})
    judged = reading.rows("news_sentiment", None, asked)
    table = figures.headlines(articles.frame, judged.frame)
    if table["sentiment_score"].notna().any():
        picture(reading, "How headlines sound", figures.draw(table), [judged])
    else:
        empty("No headline has been judged yet.", "`econstream process` does it.")
    st.subheader("Headlines", anchor=False)
    _list(table.head(_MOST))
    note = f"{len(table):,} headlines since {asked['start']}"
    if len(table) > _MOST:
        note += f", the newest {_MOST} listed"
    provenance(reading, "headlines", [articles, judged], note)


def _since(reading: Reading) -> str:
    """Return the day from which on headlines are shown: a month before the newest or the moment."""
    last = reading.moment.day
    if last is None:
        told = reading.api.document("/v1/datasets/news_articles")["last"]
        last = dt.date.fromisoformat(told[:10]) if told else dt.datetime.now(dt.UTC).date()
    return (last - dt.timedelta(days=_DAYS)).isoformat()


def _list(table: pd.DataFrame) -> None:
    view = pd.DataFrame(
        {
            "published": table["published_at"],
            "title": table["title"],
            "url": table["url"],
            "sounds": table["sentiment_label"],
            "score": table["sentiment_score"],
            "tickers": table["tickers"].map(list),
            "publisher": table["publisher"],
        }
    )
    st.dataframe(
        view,
        hide_index=True,
        column_config={
            "published": st.column_config.DatetimeColumn(
                "Published (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC", width=140
            ),
            "title": st.column_config.TextColumn("Headline", width=420),
            "publisher": "Publisher",
            "sounds": "Sounds",
            "score": st.column_config.NumberColumn("Score, -1 to 1", format="%+.2f"),
            "tickers": st.column_config.ListColumn("Tickers"),
            "url": st.column_config.LinkColumn("Article", display_text="Read"),
        },
    )
