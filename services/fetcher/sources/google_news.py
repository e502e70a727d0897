"""Google News: what the press writes on a subject, by RSS."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from services.fetcher.answer import Answer, Parsed, Request
from services.fetcher.source import Source
from services.fetcher.upstreams.news.articles import article_rows
from services.fetcher.upstreams.news.feed import read_feed
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.settings import Settings

_SEARCH = "https://news.google.com/rss/search"


class GoogleNews(Source):
    """Articles that Google News finds for a query, at most 100 a query; no key, RSS.

    Reads `news.google.com/rss/search`. Links lead through Google and change with each fetch, so
    an article is known by publisher, title and day. The publisher's name behind each title is
    taken off; a summary that only repeats the title is none. Google permits personal,
    non-commercial reading of these feeds only.
    """

    name: ClassVar[str] = "google_news"
    hosts: ClassVar[tuple[str, ...]] = ("news.google.com",)
    datasets: ClassVar[tuple[Dataset, ...]] = (NEWS_ARTICLES,)
    watches: ClassVar[str] = "queries"
    per_second: ClassVar[float] = 0.5
    every: ClassVar[dt.timedelta] = dt.timedelta(minutes=15)

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.hostname in self.hosts and parts.path == "/rss/search"

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        place = {"hl": "en-US", "gl": "US", "ceid": "US:en"}
        after = f" after:{since.isoformat()}" if since else ""
        queries = watchlist.names(self.name, self.watches)
        return [Request(f"{_SEARCH}?{urlencode({'q': q + after, **place})}") for q in queries]

    def parse(self, answer: Answer) -> Parsed:
        feed = read_feed(answer, "Google News")
        rows, skipped = article_rows(feed.articles, answer.known_at, self.name)
        if feed.undated:
            skipped["no date"] = feed.undated
        return Parsed([rows], skipped)


SOURCE = GoogleNews()
