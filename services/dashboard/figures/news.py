"""Headlines with how they sound."""

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.figures.layout import framed, over_time
from services.dashboard.palette import BLUE


def headlines(articles: pd.DataFrame, sentiment: pd.DataFrame) -> pd.DataFrame:
    """Return the articles, newest first, with score and label where they have been judged."""
    judged = sentiment[["article_id", "sentiment_score", "sentiment_label"]]
    table = articles.merge(judged, on="article_id", how="left")
    return table.sort_values("published_at", ascending=False, ignore_index=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Return the mean sentiment of each day's headlines."""
    scored = table.dropna(subset=["sentiment_score"])
    days = scored.groupby(scored["published_at"].dt.floor("D"))["sentiment_score"].mean()
    figure = go.Figure()
    figure.add_bar(
        x=days.index, y=days, name="Mean of the day", marker={"color": BLUE},
        hovertemplate="%{y:.2f}",
    )  # fmt: skip
    framed(figure, unit="from -1, bad, to 1, good", height=260)
    figure.update_yaxes(range=[-1, 1])
    return over_time(figure)
