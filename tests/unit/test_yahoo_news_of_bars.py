"""Yahoo asked for news only: from when on, and when the whole history is asked for again."""

import datetime as dt
from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.fetcher.answer import CONTINUES, Answer, Request, query_of
from services.fetcher.sources.yahoo import SOURCE
from services.fetcher.state.memory import Had
from services.fetcher.watchlist.file import Watchlist
from shared.settings import Settings
from tests.unit.answers import FETCHED_AT, chart

SPLIT = int(dt.datetime(2024, 10, 31, 13, 30, tzinfo=dt.UTC).timestamp())


def whole() -> Request:
    (request,) = SOURCE.requests(Watchlist({"yahoo": {"tickers": ("AAPL",)}}), Settings(), None)
    return request


def news() -> Request:
    return SOURCE.narrowed(whole(), Had(url=whole().url, asked_at=FETCHED_AT))


def answered(request: Request, events: dict[str, Any]) -> Answer:
    answer = chart([SPLIT], [100.0])
    document = orjson.loads(answer.body)
    document["chart"]["result"][0]["events"] = events
    return replace(answer, url=request.url, body=orjson.dumps(document))


def test_the_first_run_asks_for_the_whole_history() -> None:
    assert query_of(whole().url)["period1"] == "-2208988800"


def test_a_later_run_asks_from_two_weeks_before_the_last_and_is_remembered_as_the_same() -> None:
    begin = dt.datetime.fromtimestamp(int(query_of(news().url)["period1"]), dt.UTC)
    assert begin == dt.datetime(2024, 10, 20, tzinfo=dt.UTC)
    assert news().name == whole().url
    assert SOURCE.matches(news().url)


@pytest.mark.parametrize(
    "events",
    [
        {"splits": {str(SPLIT): {"date": SPLIT, "numerator": 4, "denominator": 1}}},
        {"dividends": {str(SPLIT): {"date": SPLIT, "amount": 0.25}}},
    ],
    ids=["split", "dividend"],
)
def test_an_event_among_the_news_makes_the_whole_history_due(events: dict[str, Any]) -> None:
    (again,) = SOURCE.parse(answered(news(), events)).also
    assert again.url == whole().url
    assert again.unless_since == dt.datetime(2024, 11, 1, 13, 30, tzinfo=dt.UTC)
    assert CONTINUES not in again.url


def test_no_event_and_a_whole_history_make_nothing_due() -> None:
    events = {"dividends": {str(SPLIT): {"date": SPLIT, "amount": 0.25}}}
    assert not SOURCE.parse(answered(news(), {})).also
    assert not SOURCE.parse(answered(whole(), events)).also


def test_a_history_is_asked_for_as_a_whole_once_a_month() -> None:
    for days, again in ((0, False), (29, False), (30, True)):
        had = Had(url="x", asked_at=FETCHED_AT, whole_at=FETCHED_AT - dt.timedelta(days=days))
        assert (SOURCE.narrowed(whole(), had) == whole()) == again
