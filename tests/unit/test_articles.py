"""Articles of the press: which are one, and what of them is kept."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.upstreams.news.articles import (
    Article,
    article_id,
    article_rows,
    clean,
    normalised,
    plain_text,
)
from shared.record import encode

NOON = dt.datetime(2026, 8, 5, 12, tzinfo=dt.UTC)
ONE = Article("Reuters", "Oil prices rise", NOON)


def rows_of(*articles: Article) -> list[dict[str, Any]]:
    rows, _ = article_rows(articles, NOON, "test")
    assert len(list(encode(rows, "econ."))) == rows.table.num_rows
    found: list[dict[str, Any]] = rows.table.to_pylist()
    return found


@pytest.mark.parametrize(
    "other",
    [
        Article("reuters", "OIL PRICES  RISE!", NOON, url="https://elsewhere.example"),
        Article("Reuters", "Oil\u00a0prices rise", NOON + dt.timedelta(hours=11)),
        Article(
            "Reuters",
            "Oil prices \u2013 rise",
            NOON.astimezone(dt.timezone(dt.timedelta(hours=13))),
        ),
    ],
)
def test_one_article_however_it_is_spelt(other: Article) -> None:
    assert article_id(other) == article_id(ONE)


@pytest.mark.parametrize(
    "other",
    [
        Article("AP", "Oil prices rise", NOON),
        Article("Reuters", "Oil prices fall", NOON),
        Article("Reuters", "Oil prices rise", NOON + dt.timedelta(hours=12)),
        Article("Reuters Oil", "prices rise", NOON),
    ],
)
def test_another_publisher_title_or_day_is_another_article(other: Article) -> None:
    assert article_id(other) != article_id(ONE)


def test_two_publishers_share_a_story() -> None:
    first, second = rows_of(ONE, Article("AP", "Oil Prices Rise", NOON))
    assert first["article_id"] != second["article_id"]
    assert first["story_id"] == second["story_id"]


def test_an_article_given_twice_is_published_once_and_counted() -> None:
    later = Article("Reuters", "Oil prices rise", NOON + dt.timedelta(hours=1), summary="more")
    for order in ([ONE, later], [later, ONE]):
        rows, skipped = article_rows(order, NOON, "test")
        assert rows.table["summary"].to_pylist() == ["more"]
        assert skipped == {"same article twice": 1}


@pytest.mark.parametrize(
    ("publisher", "title"), [("", "Oil"), ("Reuters", ""), ("Reuters", " \u2013 ")]
)
def test_without_title_or_publisher_there_is_no_article(publisher: str, title: str) -> None:
    rows, skipped = article_rows([Article(publisher, title, NOON)], NOON, "test")
    assert rows.table.num_rows == 0
    assert skipped == {"no title or publisher": 1}


def test_tickers_are_those_asked_for_and_those_named() -> None:
    title = "Merger of Acme (NYSE: ACM) and Berk (NYSE: BRK.B); see (NOTE: A)"
    (found,) = rows_of(Article("AP", title, NOON, tickers=("ZZZ", "ACM")))
    assert found["tickers"] == ["ACM", "BRK.B", "ZZZ"]


@pytest.mark.parametrize("summary", ["Oil prices rise", "Oil prices rise  Reuters", " ", None])
def test_a_summary_that_repeats_the_title_is_none(summary: str | None) -> None:
    (found,) = rows_of(Article("Reuters", "Oil prices rise", NOON, summary=summary))
    assert found["summary"] is None


def test_html_becomes_what_is_read() -> None:
    html = '<a href="x">Oil &amp; gas</a>&nbsp;&nbsp;<font color="#6f6f6f">Reuters</font>'
    assert plain_text(html) == "Oil & gas Reuters"


@given(st.text())
def test_what_is_clean_can_be_stored_and_stays(text: str) -> None:
    once = clean(text + "\x00\ud800\n")
    assert clean(once) == once
    once.encode()
    assert "\x00" not in once
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(), st.text(), st.text() | st.none())
def test_any_article_can_be_published(publisher: str, title: str, summary: str | None) -> None:
    rows_of(Article(clean(publisher), clean(title), NOON, summary=summary and clean(summary)))
