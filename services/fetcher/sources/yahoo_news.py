"""Yahoo: news of the markets and of single tickers, by RSS."""

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

_MARKETS = "https://finance.yahoo.com/news/rssindex"
_TICKER = "https://feeds.finance.yahoo.com/rss/2.0/headline"


class YahooNews(Source):
    """News that Yahoo Finance carries, of the markets and of single tickers; no key, RSS.

    Reads `finance.yahoo.com/news/rssindex` (where the watchlist says `markets = true`) and
    `feeds.finance.yahoo.com/rss/2.0/headline?s=TICKER`; articles of a ticker's feed have it among
    their tickers, those of a feed of several do not. Items whose date cannot be read are not
    published, and counted.
    """

    name: ClassVar[str] = "yahoo_news"
    hosts: ClassVar[tuple[str, ...]] = ("feeds.finance.yahoo.com", "finance.yahoo.com")
    datasets: ClassVar[tuple[Dataset, ...]] = (NEWS_ARTICLES,)
    watches: ClassVar[str] = "tickers"
    per_second: ClassVar[float] = 0.5
    every: ClassVar[dt.timedelta] = dt.timedelta(minutes=15)

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        found = f"https://{parts.hostname}{parts.path}"
        return found in (_MARKETS, _TICKER)

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        tickers = watchlist.names(self.name, self.watches)
        common = {"region": "US", "lang": "en-US"}
        urls = [_MARKETS] if watchlist.switch(self.name, "markets") else []
        urls += [f"{_TICKER}?{urlencode({'s': ticker, **common})}" for ticker in tickers]
        return [Request(url) for url in urls]

    def parse(self, answer: Answer) -> Parsed:
        asked = [ticker for ticker in answer.query.get("s", "").split(",") if ticker]
        feed = read_feed(answer, "Yahoo Finance", tuple(asked) if len(asked) == 1 else ())
        rows, skipped = article_rows(feed.articles, answer.known_at, self.name)
        if feed.undated:
            skipped["no date"] = feed.undated
        return Parsed([rows], skipped)


SOURCE = YahooNews()
