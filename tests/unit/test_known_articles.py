"""What feeds said of articles before: no order of polls makes them take turns or lose a ticker."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.state.memory import Had
from services.fetcher.upstreams.news.articles import Article, article_rows
from services.fetcher.upstreams.news.known_articles import KnownArticles
from tests.fetching import Remembered
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, answer

FEEDS = {"A": ("AAPL",), "B": ("MSFT",), "C": ()}
POLLS = st.lists(
    st.tuples(st.sampled_from(sorted(FEEDS)), st.sets(st.integers(1, 4), max_size=4), st.booleans())
)
"""Which feed is asked, what it lists, and whether another process asks it."""


async def said(known: KnownArticles, feed: str, listed: set[int]) -> list[tuple[str, list[str]]]:
    """Return title and tickers of what is published of a feed that lists these articles."""
    articles = [
        Article("Press", f"Article {number}", FETCHED_AT, f"As {feed} has it.", None, "en", tickers)
        for tickers in (FEEDS[feed],)
        for number in sorted(listed)
    ]
    rows, _ = article_rows(articles, FETCHED_AT, "test")
    found = known.news(answer(f"https://example.org/{feed}", b""), rows).table.to_pylist()
    await known.keep()
    return [(row["title"], row["tickers"]) for row in found]


@examples(100)
@given(POLLS)
async def test_each_feed_speaks_once_and_tickers_only_add_up(
    polls: list[tuple[str, set[int], bool]],
) -> None:
    states = Remembered()
    here: dict[str, Had] = {}
    spoken: set[tuple[str, str]] = set()
    tickers: dict[str, set[str]] = {}
    for feed, listed, elsewhere in polls:
        known = await KnownArticles.recall(states, {} if elsewhere else here)
        for title, told in await said(known, feed, listed):
            assert (feed, title) not in spoken
            spoken.add((feed, title))
            assert set(told) == tickers.setdefault(title, set()) | set(FEEDS[feed])
            tickers[title] |= set(told)
    listings = {(feed, f"Article {n}") for feed, listed, _ in polls for n in listed}
    assert spoken == listings


async def test_what_no_feed_lists_any_more_is_forgotten_and_what_one_lists_is_not() -> None:
    states = Remembered()
    here: dict[str, Had] = {}
    await said(await KnownArticles.recall(states, here), "A", {1, 2})
    for days in (8, 16, 24):
        now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        assert await said(KnownArticles(states, here, now), "A", {1}) == []
    assert len(states.had["news_articles"]) == len(here) == 1


async def test_a_backfill_repeats_what_is_known() -> None:
    states = Remembered()
    first = await said(await KnownArticles.recall(states, {}), "A", {1})
    again = await KnownArticles.recall(states, {}, everything=True)
    assert await said(again, "A", {1}) == first
