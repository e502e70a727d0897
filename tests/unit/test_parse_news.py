"""Feeds of news: Yahoo, Google and GDELT, and what they send when all is not well."""

import datetime as dt
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Parsed, UnreadableAnswer, UpstreamError
from services.fetcher.registry import discover
from services.fetcher.sources.gdelt import SOURCE as GDELT
from services.fetcher.sources.google_news import SOURCE as GOOGLE
from services.fetcher.sources.yahoo_news import SOURCE as YAHOO
from services.fetcher.watchlist.file import Watchlist
from shared.record import encode
from shared.settings import Settings
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, answer

SOURCES = discover()
MARKETS = "https://finance.yahoo.com/news/rssindex"
HEADLINE = "https://feeds.finance.yahoo.com/rss/2.0/headline?s=AAPL&region=US&lang=en-US"
SEARCH = "https://news.google.com/rss/search?q=oil&hl=en-GB"
DOC = "https://api.gdeltproject.org/api/v2/doc/doc?query=oil&mode=ArtList&format=json"
URLS = [MARKETS, HEADLINE, SEARCH, DOC]


def item(title: str = "Oil &amp; gas", date: str = "2022-01-07T14:53:09Z", rest: str = "") -> str:
    when = f"<pubDate>{date}</pubDate>" if date else ""
    return f"<item><title>{title}</title><link>\n  https://a.example/1 </link>{when}{rest}</item>"


def feed(*items: str, language: str = "en-US") -> bytes:
    head = f'<?xml version="1.0"?><rss version="2.0"><channel><language>{language}</language>'
    head += "<pubDate>Sat, 08 Jan 2022 12:32:00 -0500</pubDate>"
    return f"{head}{''.join(items)}</channel></rss>".encode()


def parse(url: str, body: bytes, **given: Any) -> Parsed:
    source = SOURCES.for_url(url)
    assert source is not None
    return source.parse(answer(url, body, **given))


def rows_of(parsed: Parsed) -> list[dict[str, Any]]:
    (rows,) = parsed.rows
    found: list[dict[str, Any]] = rows.table.to_pylist()
    return found


@pytest.mark.parametrize(
    "date",
    ["2022-01-07T14:53:09Z", "Fri, 07 Jan 2022 14:53:09 GMT", "Fri, 07 Jan 2022 09:53:09 -0500"],
)
def test_dates_of_both_forms_are_read(date: str) -> None:
    (found,) = rows_of(parse(MARKETS, feed(item(date=date))))
    assert found["published_at"] == dt.datetime(2022, 1, 7, 14, 53, 9, tzinfo=dt.UTC)
    assert (found["title"], found["language"]) == ("Oil & gas", "en")
    assert (found["publisher"], found["url"]) == ("a.example", "https://a.example/1")


def test_an_item_without_a_date_is_counted() -> None:
    parsed = parse(MARKETS, feed(item(date=""), item("Gold")))
    assert parsed.records == 1
    assert parsed.skipped == {"no date": 1}


def test_the_source_behind_a_title_is_taken_off_once() -> None:
    source = '<source url="https://r.example">Reuters</source>'
    (found,) = rows_of(parse(SEARCH, feed(item("Oil - Gas - Reuters", rest=source))))
    assert (found["title"], found["publisher"]) == ("Oil - Gas", "Reuters")


def test_articles_of_a_tickers_feed_have_it() -> None:
    (found,) = rows_of(parse(HEADLINE, feed(item())))
    assert found["tickers"] == ["AAPL"]
    (found,) = rows_of(parse(HEADLINE.replace("AAPL", "AAPL,MSFT"), feed(item())))
    assert found["tickers"] == []


@pytest.mark.parametrize("url", URLS[:3])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", UnreadableAnswer),
        (b"no feed", UnreadableAnswer),
        (b"<urlset></urlset>", UnreadableAnswer),
        (feed(item())[:-20], UnreadableAnswer),
        (b"<!DOCTYPE html><html></html>", UpstreamError),
    ],
)
def test_what_is_no_feed_is_an_error(url: str, body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(url, body)


@pytest.mark.parametrize("url", URLS)
def test_throttling_is_said(url: str) -> None:
    with pytest.raises(UpstreamError, match="429, retry after 60"):
        parse(url, b"slow down", status=429, headers={"retry-after": "60"})


def test_an_empty_feed_is_no_error() -> None:
    assert parse(SEARCH, feed()).records == 0


def article(**changed: Any) -> dict[str, Any]:
    plain = {
        "url": "https://www.a.example/1", "url_mobile": "", "title": "Prices , says bank : up",
        "seendate": "20260805T160000Z", "socialimage": "", "domain": "www.a.example",
        "language": "English", "sourcecountry": "United States",
    }  # fmt: skip
    return plain | changed


def documents(*articles: Any) -> bytes:
    return orjson.dumps({"articles": articles})


class TestGdelt:
    """GDELT's search of documents."""

    def test_an_article_is_of_its_domain_and_the_time_it_was_seen(self) -> None:
        (found,) = rows_of(parse(DOC, documents(article())))
        assert found["publisher"] == "a.example"
        assert found["title"] == "Prices, says bank: up"
        assert found["published_at"] == dt.datetime(2026, 8, 5, 16, tzinfo=dt.UTC)
        assert found["language"] == "en"

    def test_nothing_found_is_no_error(self) -> None:
        assert parse(DOC, b"{}").records == 0
        assert parse(DOC, documents()).records == 0

    def test_a_sentence_is_an_error_of_the_upstream(self) -> None:
        with pytest.raises(UpstreamError, match="GDELT answered: Your query was too short"):
            parse(DOC, b"Your query was too short or too long.\n")

    def test_what_has_changed_is_named(self) -> None:
        lacking = {name: value for name, value in article().items() if name != "seendate"}
        with pytest.raises(UnreadableAnswer, match="'seendate'"):
            parse(DOC, documents(lacking))
        with pytest.raises(UnreadableAnswer, match="'articles'"):
            parse(DOC, b'{"documents": []}')
        assert parse(DOC, documents(article(tone=1))).warnings == [
            "new column 'tone' in GDELT's articles"
        ]

    def test_a_full_answer_may_not_be_all(self) -> None:
        parsed = parse(DOC, documents(*(article(title=f"Number {n}") for n in range(250))))
        assert parsed.records == 250
        assert "there may be more" in parsed.warnings[0]

    def test_an_article_without_a_moment_is_counted(self) -> None:
        assert parse(DOC, documents(article(seendate="soon"))).skipped == {"no date": 1}

    def test_other_modes_are_not_read(self) -> None:
        assert not GDELT.matches(DOC.replace("ArtList", "TimelineVol"))


def test_all_were_known_when_fetched() -> None:
    for url, body in ((MARKETS, feed(item())), (DOC, documents(article()))):
        assert parse(url, body).rows[0].as_of == FETCHED_AT


def test_what_they_ask_is_what_they_read() -> None:
    since = dt.date(2024, 7, 1)
    watchlist = Watchlist(
        {
            "yahoo_news": {"tickers": ("AAPL", "^GSPC"), "markets": True},
            "google_news": {"queries": ("crude oil",)},
            "gdelt": {"queries": ('"federal reserve"',)},
        }
    )
    asked = {
        source.name: [request.url for request in source.requests(watchlist, Settings(), since)]
        for source in (YAHOO, GOOGLE, GDELT)
    }
    assert asked["yahoo_news"][0] == MARKETS
    assert len(asked["yahoo_news"]) == 3
    assert parse_qs(urlsplit(asked["google_news"][0]).query)["q"] == ["crude oil after:2024-07-01"]
    assert "startdatetime=20240701000000" in asked["gdelt"][0]
    for name, urls in asked.items():
        assert [SOURCES.for_url(url) for url in urls] == [SOURCES.find(name)] * len(urls)


@pytest.mark.parametrize("url", URLS)
@examples(60)
@given(body=st.binary() | st.text().map(str.encode) | st.text().map(lambda t: feed(item(t))))
def test_any_bytes(url: str, body: bytes) -> None:
    with suppress(UnreadableAnswer, UpstreamError):
        for rows in parse(url, body).rows:
            assert len(list(encode(rows, "econ."))) == rows.table.num_rows


@examples(100)
@given(
    st.dictionaries(
        st.sampled_from(["url", "title", "seendate", "domain", "language"]),
        st.none()
        | st.integers(-(2**63), 2**63)
        | st.text()
        | st.just("20260805T160000Z")
        | st.lists(st.text()),
    )
)
def test_any_article_of_gdelt(changed: dict[str, Any]) -> None:
    with suppress(UnreadableAnswer, UpstreamError):
        body = orjson.dumps({"articles": [article(**changed)]})
        for rows in parse(DOC, body).rows:
            assert len(list(encode(rows, "econ."))) == rows.table.num_rows
