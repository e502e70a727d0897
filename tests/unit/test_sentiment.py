"""How articles are judged, whatever their text is."""

import datetime as dt

import pyarrow as pa
import pytest

from services.processor.sentiment import MAX_CHARACTERS, Vader, news_sentiment
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES

MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def judged(
    title: str, summary: str | None = None, tickers: tuple[str, ...] = ()
) -> dict[str, object]:
    row = {
        "article_id": "a", "publisher": "P", "title": title, "summary": summary, "url": None,
        "published_at": MOMENT, "language": "en", "tickers": list(tickers), "story_id": None,
    }  # fmt: skip
    table = pa.Table.from_pylist([row], schema=NEWS_ARTICLES.arrow_schema)
    found: dict[str, object]
    [found] = news_sentiment(table, Vader()).to_pylist()
    return found


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Apple shares surge as profit beats forecasts", "positive"),
        ("Nvidia plunges as probe widens", "negative"),
        ("Vice chair of the Federal Reserve on interest", "neutral"),
        ("Bank files for bankruptcy", "negative"),
        ("ارتفعت الأسهم", "neutral"),
        ("株価が急落", "neutral"),
        ("", "neutral"),
        ("🚀", "neutral"),
    ],
)
def test_words_of_finance_are_known_and_unknown_languages_are_neutral(
    title: str, label: str
) -> None:
    assert judged(title)["sentiment_label"] == label


def test_whom_it_is_about() -> None:
    assert judged("Apple and Meta Platforms fall")["entities"] == [
        "AAPL",
        "Apple",
        "META",
        "Meta Platforms",
    ]
    assert judged("An apple a day", "says the European Central Bank")["relevance_score"] == 0.5
    assert judged("Nothing of note", tickers=("XYZ",))["entities"] == ["XYZ"]
    assert judged("Nothing of note")["relevance_score"] == 0
    assert judged("Tesla recalls cars")["relevance_score"] == 1


def test_a_headline_of_a_megabyte_is_judged_by_its_beginning() -> None:
    title = "Nvidia plunges " + "surge " * 170_000
    found = judged(title)
    assert found["title"] == title
    assert found["sentiment_score"] == judged(title[:MAX_CHARACTERS])["sentiment_score"]
