"""Headlines of the press about markets and tickers, with how they sound."""

import pandas as pd
import streamlit as st

from services.dashboard.figures import news as figures
from services.dashboard.panel import empty, picture, provenance
from services.dashboard.reading import Reading

_NEWEST = "300"


def show(reading: Reading) -> None:
    """Draw the page."""
    asked = {"order": "desc", "limit": _NEWEST}
    articles = reading.rows("news_articles", None, asked)
    if articles.frame.empty:
        day = reading.moment.day
        to_do = "Choose a later day." if day else "Start `econstream up`: feeds need no key."
        empty(f"No headline is known {reading.moment.told()}.", to_do)
        return
    tickers = sorted({name for names in articles.frame["tickers"] for name in names})
    chosen = st.selectbox(
        "Ticker", tickers, index=None, placeholder="All headlines", disabled=not tickers
    )
    if chosen:
        articles = reading.rows("news_articles", None, {**asked, "tickers": chosen})
    judged = reading.rows("news_sentiment", None, asked)
    table = figures.headlines(articles.frame, judged.frame)
    if table["sentiment_score"].notna().any():
        picture(reading, "How headlines sound", figures.draw(table), [judged])
    else:
        empty("No headline has been judged yet.", "`econstream process` does it.")
    st.subheader("Headlines", anchor=False)
    _list(table)
    provenance(reading, "headlines", [articles, judged], f"the newest {_NEWEST} at most")


def _list(table: pd.DataFrame) -> None:
    view = pd.DataFrame(
        {
            "published": table["published_at"],
            "title": table["title"],
            "publisher": table["publisher"],
            "sounds": table["sentiment_label"],
            "score": table["sentiment_score"],
            "tickers": table["tickers"].map(list),
            "url": table["url"],
        }
    )
    st.dataframe(
        view,
        hide_index=True,
        column_config={
            "published": st.column_config.DatetimeColumn(
                "Published (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "title": st.column_config.TextColumn("Headline", width="large"),
            "publisher": "Publisher",
            "sounds": "Sounds",
            "score": st.column_config.NumberColumn("Score, -1 to 1", format="%+.2f"),
            "tickers": st.column_config.ListColumn("Tickers"),
            "url": st.column_config.LinkColumn("Article", display_text="Read"),
        },
    )
