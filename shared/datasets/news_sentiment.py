"""How each article of the press sounds, as the processor judges it."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Code, Dataset, Row, Timestamp, in_future, outside


class NewsSentiment(Row):
    """Sentiment of the articles in `news_articles`, one row for each; made by the processor."""

    article_id: Annotated[Code, Field(description="the article, as in news_articles")]
    source_name: Annotated[str, Field(description="who published it")]
    title: Annotated[str, Field(description="headline that was judged")]
    url: Annotated[str | None, Field(description="a link to it; makes no version")]
    published_at: Annotated[Timestamp, Field(description="when it was published")]
    sentiment_score: Annotated[float, Field(description="-1 (bad) to 1 (good)")]
    sentiment_label: Annotated[Code, Field(description="positive, neutral or negative")]
    relevance_score: Annotated[float | None, Field(description="0 to 1: how much it is about them")]
    entities: Annotated[list[str], Field(description="whom it names: tickers and names")]


def _known_at(row: Mapping[str, Any]) -> dt.datetime | None:
    """Return when the article was published: it could be judged from then on."""
    published: dt.datetime | None = row["published_at"]
    return published


DATASET = Dataset(
    name="news_sentiment",
    row=NewsSentiment,
    key=("article_id",),
    time="published_at",
    cadence="intraday",
    filterable=("source_name", "sentiment_label", "entities"),
    unversioned=("url",),
    known_at=_known_at,
    checks=(
        outside("score_out_of_range", "sentiment_score", -1, 1),
        outside("relevance_out_of_range", "relevance_score", 0, 1),
        in_future("published_at"),
    ),
)
