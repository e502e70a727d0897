"""Reads an answer's body as a feed (RSS, Atom), and says what it is where it is none."""

import calendar
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.sax import SAXException

import feedparser

from services.fetcher.answer import Answer, UnreadableAnswer, UpstreamError
from services.fetcher.parsing.body import retry_advice
from services.fetcher.upstreams.news.articles import Article, clean, plain_text

_LONGEST_LANGUAGE = 3
_NEEDED = {"title": ("title",), "pubDate": ("published", "updated")}
"""What the items of a feed must have, at least one of them, and what feedparser calls it."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: its articles, and how many of its items name no day and are none."""

    articles: Sequence[Article]
    undated: int


def read_feed(answer: Answer, publisher: str, tickers: tuple[str, ...] = ()) -> Feed:
    """Return the articles of a feed; those whose item names no source are of `publisher`.

    " - Source" behind a title is taken off. Raises UpstreamError for an error status or a page,
    UnreadableAnswer for what is no feed, and for one that is cut short.
    """
    body = answer.body.strip()
    if answer.status >= 400:
        raise UpstreamError(f"HTTP {answer.status}{retry_advice(answer)}")
    if body[:200].lower().startswith((b"<!doctype html", b"<html")):
        raise UpstreamError("a web page came in place of a feed: throttled or blocked, try later")
    if not body:
        raise UnreadableAnswer("the answer is empty")
    # As a stream: a text would be taken for a URL or a file's name.
    document = feedparser.parse(io.BytesIO(body), resolve_relative_uris=False)
    fault = document.get("bozo_exception")
    if isinstance(fault, SAXException):
        raise UnreadableAnswer(f"truncated or malformed feed: {fault}")
    if not document.get("version"):
        raise UnreadableAnswer("the answer is no feed")
    language = language_of(document.feed.get("language"))
    for element, names in _NEEDED.items():
        if document.entries and not any(e.get(n) for e in document.entries for n in names):
            raise UnreadableAnswer(f"the column {element!r} of the feed's items has vanished")
    articles = list(_articles(document.entries, publisher, language, tickers))
    return Feed(articles, len(document.entries) - len(articles))


def language_of(tag: object) -> str | None:
    """Return the language of a tag such as en-GB, None where it is none."""
    language = clean(tag).partition("-")[0].partition("_")[0].lower()
    return language if language.isalpha() and len(language) <= _LONGEST_LANGUAGE else None


def _articles(
    entries: Sequence[Any], publisher: str, language: str | None, tickers: tuple[str, ...]
) -> Iterator[Article]:
    for entry in entries:
        published_at = _moment(entry.get("published_parsed") or entry.get("updated_parsed"))
        if published_at is None:
            continue
        named = clean((entry.get("source") or {}).get("title"))
        source = named or _site(entry.get("link")) or publisher
        title = plain_text(entry.get("title")).removesuffix(f" - {source}")
        yield Article(
            publisher=source,
            title=title,
            published_at=published_at,
            summary=plain_text(entry.get("summary")) or None,
            url=clean(entry.get("link")) or None,
            language=language,
            tickers=tickers,
        )


def _moment(parsed: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _site(link: object) -> str | None:
    """Return the host of a link, unless it is one that carries others' articles."""
    try:
        host = (urlsplit(clean(link)).hostname or "").removeprefix("www.")
    except ValueError:
        return None
    return None if not host or host.endswith(("yahoo.com", "google.com")) else host
