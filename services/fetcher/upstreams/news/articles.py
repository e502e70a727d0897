"""Articles of the press as rows: cleaned, told apart, each known by what does not change."""

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pyarrow as pa

from services.fetcher.parsing.columns import make_rows
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.record import Rows

_LISTED = re.compile(
    r"\((?:NASDAQ|Nasdaq|NYSE|NYSE American|NYSEARCA|NYSE Arca|AMEX|CBOE|OTC)\s*:\s*"
    r"([A-Z]{1,5}(?:[.-][A-Z])?)\)"
)
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Article:
    """An article as a feed gives it, texts cleaned.

    tickers  those the feed was asked for; those that the text names are added
    """

    publisher: str
    title: str
    published_at: dt.datetime
    summary: str | None = None
    url: str | None = None
    language: str | None = None
    tickers: tuple[str, ...] = field(default=())


def clean(text: object) -> str:
    """Return a text on one line, without what no database stores; anything but text is none."""
    if not isinstance(text, str):
        return ""
    storable = text.encode("utf-8", "ignore").decode()
    printable = (c if c.isprintable() or c.isspace() else "" for c in storable)
    return " ".join("".join(printable).split())


def normalised(text: str) -> str:
    """Return a text by which two spellings of it are told to be one: letters and figures only."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", plain).strip()


def article_id(article: Article) -> str:
    """Return the hash of publisher, title and day in UTC: the same from every feed and fetch."""
    day = article.published_at.astimezone(dt.UTC).date().isoformat()
    return _hash(normalised(article.publisher), _title(article), day)


def article_rows(
    articles: Iterable[Article], as_of: dt.datetime, source: str
) -> tuple[Rows, dict[str, int]]:
    """Return articles as rows, each once, and how many were left out for which reason.

    Of two of one article_id the one published later counts; one without a title or a publisher
    is none.
    """
    unique: dict[str, Article] = {}
    nameless = twice = 0
    for article in articles:
        if not article.publisher or not normalised(article.title):
            nameless += 1
            continue
        known = unique.get(key := article_id(article))
        twice += known is not None
        if known is None or article.published_at >= known.published_at:
            unique[key] = article
    found = [_row(key, article) for key, article in unique.items()]
    columns = {
        column.name: pa.array([row[column.name] for row in found], column.kind.arrow)
        for column in NEWS_ARTICLES.columns
    }
    skipped = {"no title or publisher": nameless, "same article twice": twice}
    rows = make_rows(NEWS_ARTICLES, columns, as_of, source)
    return rows, {reason: count for reason, count in skipped.items() if count}


def plain_text(html: object) -> str:
    """Return what a reader sees of a piece of HTML, on one line."""
    if not isinstance(html, str):
        return ""
    collector = _Text()
    collector.feed(html)
    collector.close()
    return clean(" ".join(collector.pieces))


class _Text(HTMLParser):
    """Collects the text between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _row(key: str, article: Article) -> dict[str, object]:
    named = _LISTED.findall(f"{article.title} {article.summary or ''}")
    return {
        "article_id": key,
        "publisher": article.publisher,
        "title": article.title,
        "summary": _telling(article),
        "url": article.url or None,
        "published_at": article.published_at.astimezone(dt.UTC),
        "language": article.language,
        "tickers": sorted({*article.tickers, *named}),
        "story_id": _hash(_title(article)),
    }


def _telling(article: Article) -> str | None:
    """Return the summary, unless it only repeats title and publisher."""
    title = _title(article)
    repeated = {"", title, f"{title} {normalised(article.publisher)}"}
    summary = article.summary or ""
    return None if normalised(summary) in repeated else summary


def _title(article: Article) -> str:
    return normalised(article.title)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
