"""How an article sounds: a score by words, and whom it is about."""

from typing import Any, Protocol

import pyarrow as pa
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from services.processor.entities import entities_in
from services.processor.lexicon import FINANCIAL
from shared.datasets.news_sentiment import DATASET as NEWS_SENTIMENT
from shared.errors import ConfigError
from shared.plugins import load_plugins

ENTRY_POINT_GROUP = "econstream.sentiment"
MAX_CHARACTERS = 2_000
"""So much of a text is judged: VADER's time grows with its square."""

_CLEAR = 0.05


class Scorer(Protocol):
    """Judges texts; the same text always the same."""

    def score(self, text: str) -> float:
        """Return -1 (bad) to 1 (good), 0 where the text says neither. Blocks."""


class Vader:
    """VADER (Hutto and Gilbert 2014), English, with the words of finance that it lacks."""

    def __init__(self) -> None:
        self._analyzer: Any = SentimentIntensityAnalyzer()
        self._analyzer.lexicon.update(FINANCIAL)

    def score(self, text: str) -> float:
        return float(self._analyzer.polarity_scores(text)["compound"])


def find_scorer() -> Scorer:
    """Return the scorer that a package brings, else VADER; raises ConfigError where two do."""
    found = list(load_plugins(ENTRY_POINT_GROUP))
    if len(found) > 1:
        told = "; ".join(origin for origin, _ in found)
        raise ConfigError(f"only one scorer can judge articles ({told}): uninstall the others")
    scorer: Scorer = found[0][1]() if found else Vader()
    return scorer


def news_sentiment(articles: pa.Table, scorer: Scorer) -> pa.Table:
    """Return a row of news_sentiment for each article, in their order. Blocks.

    Title and summary are judged together, 2,000 characters at most; a text in a language that
    the scorer does not know, or none, is 0 and neutral. The label is VADER's: positive from
    0.05 on, negative from -0.05 down. relevance_score is 1 where the title names a known entity,
    0.5 where the summary or the feed does, else 0.
    """
    rows = [_judged(article, scorer) for article in articles.to_pylist()]
    schema = NEWS_SENTIMENT.arrow_schema
    return pa.Table.from_pylist(rows, schema=schema)


def _judged(article: dict[str, Any], scorer: Scorer) -> dict[str, Any]:
    title, summary = article["title"], article["summary"] or ""
    text = f"{title}. {summary}"[:MAX_CHARACTERS] if summary else title[:MAX_CHARACTERS]
    score = scorer.score(text)
    in_title = entities_in(title[:MAX_CHARACTERS])
    entities = entities_in(text, article["tickers"] or ())
    return {
        "article_id": article["article_id"],
        "source_name": article["publisher"],
        "title": title,
        "url": article["url"],
        "published_at": article["published_at"],
        "sentiment_score": score,
        "sentiment_label": _label(score),
        "relevance_score": 1.0 if in_title else 0.5 if entities else 0.0,
        "entities": entities,
    }


def _label(score: float) -> str:
    return "positive" if score >= _CLEAR else "negative" if score <= -_CLEAR else "neutral"
