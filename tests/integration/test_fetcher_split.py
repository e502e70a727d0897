"""A split and a dividend at Yahoo, from its answers to the tables: the whole history heals."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.fetcher.answer import query_of
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.run import RunSummary
from services.fetcher.sources import yahoo
from services.fetcher.state.topic import TopicStates, state_topic
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.registry import discover
from shared.settings import Settings
from tests.integration.misbehaving import ByHead, Server, misbehaving, response
from tests.loading import load, snapshot

BARS = 30
OPENED = int(dt.datetime.now(dt.UTC).timestamp()) - 3_600
"""When today's session opened; it is still open."""
HISTORY = [OPENED - day * 86_400 for day in range(BARS, -1, -1)]
META = {
    "symbol": "AAPL",
    "currency": "USD",
    "exchangeTimezoneName": "UTC",
    "dataGranularity": "1d",
    "currentTradingPeriod": {"regular": {"start": OPENED, "end": OPENED + 23_400}},
    "regularMarketTime": OPENED + 3_000,
}


class Market:
    """Yahoo as it answers for one share, and a fetcher that asks it again and again."""

    def __init__(self, server: Server, settings: Settings, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.settings = settings.model_copy(
            update={
                "watchlist": folder / "watchlist.toml",
                "duckdb_path": folder / "test.duckdb",
                "data_dir": folder,
            }
        )
        self.watch('tickers = ["AAPL"]')
        self.scale, self.adjustment = 1.0, 1.0
        self.events: dict[str, Any] = {}
        server.replies["/v8/finance/chart/AAPL"] = [ByHead(self.reply)]

    def watch(self, lines: str) -> None:
        (self.folder / "watchlist.toml").write_text(f"[yahoo]\n{lines}\n")

    async def reply(self, writer: Any, _: str) -> None:
        writer.write(response(self.answer(int(query_of(self.server.requests[-1])["period1"]))))
        await writer.drain()

    def answer(self, begin: int) -> bytes:
        days = [moment for moment in HISTORY if moment >= begin]
        close = [self.scale * (100.0 + HISTORY.index(moment)) for moment in days]
        bars = dict.fromkeys(("open", "high", "low", "close"), close)
        adjusted = [price * self.adjustment for price in close]
        result = {
            "meta": META,
            "timestamp": days,
            "events": self.events,
            "indicators": {
                "quote": [bars | {"volume": [1_000] * len(days)}],
                "adjclose": [{"adjclose": adjusted}],
            },
        }
        return orjson.dumps({"chart": {"result": [result], "error": None}})

    async def run(self) -> RunSummary:
        """Fetch once."""
        self.server.requests.clear()
        cluster = await connect(self.settings)
        topic = state_topic(self.settings)
        await ensure_topics(cluster, [*declared_topics(self.settings, discover()), topic])
        client = HttpClient(
            {"127.0.0.1": 1_000.0}, limits=Limits(attempts=1), schemes=("http",), private=True
        )
        async with Producer(cluster) as producer:
            fetcher = Fetcher(
                self.settings,
                producer,
                states=TopicStates(cluster, producer, topic.name),
                registry=SourceRegistry([yahoo.SOURCE]),
                client=lambda _: client,
            )
            (run,) = (await fetcher.fetch_once()).runs
        return run

    async def load(self) -> tuple[list[dict[str, Any]], ...]:
        """Load what was published; return the bars, their revisions and the actions."""
        await load(self.settings)
        found = await snapshot(self.settings)
        names = ("yfinance_ohlcv", "yfinance_ohlcv_revisions", "corporate_actions")
        return tuple(found[name] for name in names)

    @property
    def whole(self) -> list[bool]:
        """For each request of the last run, whether it was for the whole history."""
        return [int(query_of(asked)["period1"]) < HISTORY[0] for asked in self.server.requests]


@pytest.fixture
async def market(
    kafka_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Market]:
    async with misbehaving() as server:
        monkeypatch.setattr(yahoo, "_CHART", server.url("/v8/finance/chart/"))
        yield Market(server, kafka_settings, tmp_path)


async def test_a_split_heals_the_whole_history_and_a_dividend_makes_no_version(
    market: Market,
) -> None:
    run = await market.run()
    assert (run.records, run.skipped) == (BARS, {"session still open": 1})
    assert market.whole == [True]

    before, _, _ = await market.load()

    market.scale, market.adjustment = 0.25, 0.25
    split = {"date": OPENED, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}
    market.events = {"splits": {str(OPENED): split}}
    await market.run()
    assert market.whole == [False, True]
    current, revisions, (action,) = await market.load()
    assert [row["close"] for row in current] == [0.25 * (100 + n) for n in range(BARS)]
    assert [row["close"] for row in before] == [100.0 + n for n in range(BARS)]
    assert revisions == before
    assert (action["kind"], action["ratio"], action["amount"]) == ("split", 4.0, None)

    market.adjustment = 0.24
    paid = {"date": OPENED, "amount": 0.5}
    market.events = {**market.events, "dividends": {str(OPENED): paid}}
    await market.run()
    await market.run()
    current, revisions, actions = await market.load()
    assert [row["adj_close"] for row in current] == [row["close"] * 0.24 for row in current]
    assert revisions == before
    kinds = [(row["kind"], row["amount"]) for row in actions]
    assert kinds == [("dividend", 0.5), ("split", None)]


async def test_the_open_sessions_bar_comes_only_where_it_is_asked_for(market: Market) -> None:
    assert (await market.run()).skipped == {"session still open": 1}
    market.watch('tickers = ["AAPL"]\nopen_session = true')
    await market.run()
    *final, still_open = (await market.load())[0]
    assert [row["is_final"] for row in final] == [True] * BARS
    assert (still_open["is_final"], still_open["close"]) == (False, 100.0 + BARS)


async def test_what_yahoo_does_not_know_is_said_by_name_and_what_throttles_is_not_asked_on(
    market: Market,
) -> None:
    missing = orjson.dumps(
        {"chart": {"result": None, "error": {"code": "Not Found", "description": "delisted"}}}
    )
    market.server.replies["/v8/finance/chart/NOPE"] = [response(missing, 404)]
    market.server.replies["/v8/finance/chart/PAGE"] = [response(b"<html>wait</html>")]
    market.server.replies["/v8/finance/chart/MUCH"] = [response(b"Too Many Requests", 429)]
    market.watch('tickers = ["NOPE", "PAGE", "AAPL", "MUCH", "MSFT"]')
    run = await market.run()
    assert run.unknown == ["unknown symbol NOPE: Yahoo has nothing of this name"]
    assert "web page came in place of data: throttled" in run.upstream_errors[0]
    assert "HTTP 429" in run.upstream_errors[1]
    assert "1 requests were not sent" in run.failures[0]
    assert (run.status, run.records) == ("partial", BARS)
