"""Dividends, splits and capital gains in Yahoo's chart answers."""

import datetime as dt
from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.fetcher.answer import CONTINUES, Answer, UnreadableAnswer
from services.fetcher.sources.yahoo import SOURCE
from tests.unit.answers import FETCHED_AT, answer, chart

MONDAY = 1_727_098_200
"""2024-09-23 13:30 UTC, the open in New York."""


def with_events(events: Any, **meta: Any) -> Answer:
    good = chart([MONDAY], [100.0], **meta)
    document = orjson.loads(good.body)
    document["chart"]["result"][0]["events"] = events
    return answer(good.url, orjson.dumps(document))


def actions(events: Any, **meta: Any) -> list[dict[str, Any]]:
    parsed = SOURCE.parse(with_events(events, **meta))
    assert [rows.dataset.name for rows in parsed.rows] == ["yfinance_ohlcv", "corporate_actions"]
    assert parsed.rows[1].as_of == FETCHED_AT
    found: list[dict[str, Any]] = parsed.rows[1].table.to_pylist()
    return found


def test_each_kind_of_action() -> None:
    found = actions(
        {
            "dividends": {str(MONDAY): {"amount": 0.25, "date": MONDAY}},
            "capitalGains": {str(MONDAY): {"amount": 1.5, "date": MONDAY}},
            "splits": {str(MONDAY): {"numerator": 1, "denominator": 4, "date": MONDAY}},
        },
        currency="GBp",
    )
    day = dt.date(2024, 9, 23)
    assert found == [
        {"ticker": "AAPL", "ex_date": day, "kind": kind, "amount": amount, "ratio": ratio,
         "currency": "GBp"}
        for kind, amount, ratio in (
            ("dividend", 0.25, None), ("capital_gain", 1.5, None), ("split", None, 0.25),
        )
    ]  # fmt: skip


def test_the_day_is_that_of_the_exchange() -> None:
    tokyo = 1_727_049_600
    events = {"dividends": {"1": {"amount": 1.0, "date": tokyo}}}
    (found,) = actions(events, exchangeTimezoneName="Asia/Tokyo")
    assert found["ex_date"] == dt.date(2024, 9, 23)


def test_a_dividend_in_another_currency_keeps_it() -> None:
    events = {"dividends": {"1": {"amount": 1.0, "date": MONDAY, "currency": "EUR"}}}
    assert actions(events)[0]["currency"] == "EUR"


def test_of_two_on_one_day_the_later_counts() -> None:
    events = {
        "dividends": {
            "1": {"amount": 1.0, "date": MONDAY},
            "2": {"amount": 2.0, "date": MONDAY + 60},
        }
    }
    assert [action["amount"] for action in actions(events)] == [2.0]


@pytest.mark.parametrize("events", [None, {}, {"dividends": {}}, {"earnings": {"1": {}}}])
def test_without_actions_there_are_no_rows(events: Any) -> None:
    assert [rows.dataset.name for rows in SOURCE.parse(with_events(events)).rows] == [
        "yfinance_ohlcv"
    ]


@pytest.mark.parametrize(
    "events",
    [
        [1],
        {"dividends": [1]},
        {"dividends": {"1": {"date": MONDAY}}},
        {"dividends": {"1": {"date": None, "amount": 1.0}}},
        {"dividends": {"1": {"date": MONDAY, "amount": "much"}}},
        {"splits": {"1": {"date": MONDAY, "numerator": 2, "denominator": 0}}},
        {"splits": {"1": None}},
    ],
)
def test_what_is_not_of_its_form_is_refused(events: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        SOURCE.parse(with_events(events))


@pytest.mark.parametrize("none", [None, {}])
def test_kinds_without_an_event_or_unknown_make_no_history_due(none: Any) -> None:
    found = with_events({"splits": none, "dividends": none, "meetings": {"1": {}}, "a": 1})
    parsed = SOURCE.parse(replace(found, url=f"{found.url}#{CONTINUES}"))
    assert [rows.dataset.name for rows in parsed.rows] == ["yfinance_ohlcv"]
    assert not parsed.also


def test_a_dividend_among_no_bars_is_not_lost() -> None:
    found = with_events({"dividends": {"1": {"amount": 0.25, "date": MONDAY}}})
    document = orjson.loads(found.body)
    del document["chart"]["result"][0]["timestamp"]
    (rows,) = SOURCE.parse(replace(found, body=orjson.dumps(document))).rows
    assert rows.table["amount"].to_pylist() == [0.25]
