"""News from feeds that differ, asked again and again: each feed speaks once, tickers add up."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.run import RunSummary
from services.fetcher.sources import google_news, yahoo_news
from shared.errors import Transient
from shared.settings import Settings
from tests.fetching import Collected, Remembered
from tests.integration.misbehaving import Server, misbehaving, response

WATCHED = """
[yahoo_news]
tickers = ["AAPL", "MSFT"]
markets = true
[google_news]
queries = ["chips"]
"""


def item(title: str, summary: str = "", link: str = "https://example.org/1") -> str:
    return (
        f"<item><title>{title}</title><description>{summary}</description><link>{link}</link>"
        "<pubDate>Mon, 04 Nov 2024 12:00:00 GMT</pubDate></item>"
    )


def feed(*items: str) -> bytes:
    channel = f"<channel>{''.join(items)}</channel>"
    return response(f'<?xml version="1.0"?><rss version="2.0">{channel}</rss>'.encode())


class Press:
    """A server with three feeds of Yahoo's and one of Google's, and fetchers that ask them."""

    def __init__(self, server: Server, folder: Path) -> None:
        (folder / "watchlist.toml").write_text(WATCHED)
        self.settings = Settings(watchlist=folder / "watchlist.toml")
        self.server, self.states, self.published = server, Remembered(), Collected()
        self.registry = SourceRegistry([yahoo_news.SOURCE, google_news.SOURCE])

    def show(self, aapl: bytes, msft: bytes, markets: bytes, google: bytes) -> None:
        """Show these feeds from now on."""
        self.server.replies = {"/markets": [markets], "/search": [google]}
        self.server.replies["/headline"] = [aapl, msft] * 20

    async def run(self, publisher: Collected | None = None) -> list[RunSummary]:
        limits = Limits(attempts=1)
        client = HttpClient({"127.0.0.1": 1_000.0}, limits=limits, schemes=("http",), private=True)
        fetcher = Fetcher(
            self.settings,
            publisher or self.published,
            states=self.states,
            registry=self.registry,
            client=lambda _: client,
        )
        return (await fetcher.fetch_once()).runs

    def articles(self) -> list[dict[str, Any]]:
        """Return what was published since this was asked last, in order."""
        found = self.published.values("news_articles")
        self.published.records.clear()
        return found


@pytest.fixture
async def press(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Press]:
    async with misbehaving() as server:
        monkeypatch.setattr(yahoo_news, "_TICKER", server.url("/headline"))
        monkeypatch.setattr(yahoo_news, "_MARKETS", server.url("/markets"))
        monkeypatch.setattr(google_news, "_SEARCH", server.url("/search"))
        yield Press(server, tmp_path)


CHIPS = "Chips are scarce"


async def test_feeds_that_differ_do_not_take_turns(press: Press) -> None:
    quiet = feed(item(CHIPS))
    press.show(feed(item(CHIPS, "Of Apple.")), feed(item(CHIPS, "Of Microsoft.")), quiet, quiet)
    await press.run()
    assert len(press.articles()) == 4
    for number in range(3):
        fresh = item(f"News {number}")
        press.show(
            feed(fresh, item(CHIPS, "Of Apple.")),
            feed(fresh, item(CHIPS, "Of Microsoft.")),
            feed(fresh, item(CHIPS)),
            feed(fresh, item(CHIPS, link=f"https://example.org/{number}")),
        )
        await press.run()
        assert {row["title"] for row in press.articles()} == {f"News {number}"}


async def test_the_tickers_of_all_feeds_add_up_across_runs(press: Press) -> None:
    nothing, chips = feed(item("Other")), feed(item(CHIPS))
    press.show(chips, nothing, nothing, nothing)
    await press.run()
    press.articles()
    press.show(nothing, chips, nothing, nothing)
    await press.run()
    (found,) = [row for row in press.articles() if row["title"] == CHIPS]
    assert found["tickers"] == ["AAPL", "MSFT"]
    press.show(chips, chips, chips, nothing)
    await press.run()
    (found,) = [row for row in press.articles() if row["title"] == CHIPS]
    assert found["tickers"] == ["AAPL", "MSFT"], "also where a feed names none"


async def test_a_feed_that_changes_its_words_is_heard(press: Press) -> None:
    quiet = feed(item("Other"))
    for summary in ("At first.", "At first, at length.", "Corrected."):
        press.show(feed(item(CHIPS, summary)), quiet, quiet, quiet)
        await press.run()
        assert [r["summary"] for r in press.articles() if r["title"] == CHIPS] == [summary]


async def test_what_was_not_acknowledged_is_said_again(press: Press) -> None:
    quiet = feed(item(CHIPS))
    press.show(quiet, quiet, quiet, quiet)
    with pytest.raises(ExceptionGroup) as caught:
        await press.run(Collected(away_after=0))
    assert caught.group_contains(Transient)
    press.show(quiet, quiet, quiet, quiet)
    runs = await press.run()
    assert len(press.articles()) == 4
    assert [run.status for run in runs] == ["success", "success"]
    press.show(quiet, quiet, quiet, quiet)
    assert [run.status for run in await press.run()] == ["unchanged", "unchanged"]
