"""News of companies and markets, from several feeds."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from shared.dataset import Code, Dataset, Row, Timestamp, in_future


class NewsArticles(Row):
    """Articles of the press, one row for each article of a publisher.

    Feeds give the same article under ever new links, so it is known by its publisher, its title
    and its day: `article_id` is a hash of the three. Link and tickers make no version. Articles
    with one title, whoever publishes them, share a `story_id`.
    """

    article_id: Annotated[
        Code, Field(description="hash of publisher, title (normalised) and day in UTC")
    ]
    publisher: Annotated[str, Field(description="who published it, as the feed says")]
    title: Annotated[str, Field(description="headline, without the publisher's name behind it")]
    summary: Annotated[str | None, Field(description="the feed's summary as plain text")]
    url: Annotated[str | None, Field(description="newest link to it; makes no version")]
    published_at: Annotated[Timestamp, Field(description="when it was published")]
    language: Annotated[str | None, Field(description="language, ISO 639-1, such as en")]
    tickers: Annotated[
        list[str],
        Field(description="tickers it is about, as feed and text name them; makes no version"),
    ]
    story_id: Annotated[str | None, Field(description="hash of the normalised title")]


def _known_at(row: Mapping[str, Any]) -> dt.datetime | None:
    """Return when it was published."""
    published: dt.datetime | None = row["published_at"]
    return published


DATASET = Dataset(
    name="news_articles",
    row=NewsArticles,
    key=("article_id",),
    time="published_at",
    cadence="intraday",
    alias="news",
    filterable=("publisher", "language", "tickers", "story_id"),
    unversioned=("url", "language", "tickers"),
    known_at=_known_at,
    checks=(in_future("published_at"),),
)
