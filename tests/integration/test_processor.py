"""The processor between a real broker and a real database: what it makes of the topics."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.processor import app
from services.processor.app import process_topics
from services.processor.bars import from_table
from services.processor.sentiment import Vader
from services.processor.technical import technical_features
from services.processor.ticker import rebuilt
from shared.kafka import partition_for
from shared.record import Record
from shared.settings import Settings
from tests.loading import EVENING, MORNING, bar, loading, opened, produce, query, record
from tests.processing import worker
from tests.waiting import stretched, until

BARS = 700


@pytest.fixture
def settings(postgres_settings: Settings) -> Settings:
    return postgres_settings


def close(number: int) -> float:
    return 100.0 + (number * 7919 % 101) / 10


def bars(settings: Settings, tickers: int = 3, as_of: str = MORNING) -> list[Record]:
    """Return the same number of bars of each ticker, those of a ticker in order of their days."""
    return [
        record(settings, bar(n, bars_a_ticker=BARS, close=close(n), high=120.0, low=90.0), as_of)
        for n in range(tickers * BARS)
    ]


@asynccontextmanager
async def processing(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(process_topics(settings, stop))
        try:
            yield task
        finally:
            stop.set()


async def count(settings: Settings, table: str, where: str = "true") -> int:
    rows = await query(settings, f"SELECT count(*) AS n FROM {table} WHERE {where}")
    return int(rows[0]["n"])


async def agrees(settings: Settings, ticker: str) -> bool:
    """Return whether a ticker's stored features are those of its stored bars, bit for bit."""
    async with opened(settings) as database:
        stored = await database.fetch(
            f"SELECT * FROM yfinance_ohlcv WHERE ticker = '{ticker}' ORDER BY date"
        )
        found = await database.fetch(
            f"SELECT * FROM technical_features WHERE ticker = '{ticker}' ORDER BY date"
        )
    expected, known = technical_features(ticker, *rebuilt(from_table(stored))[1])
    return bool(
        found.select(expected.column_names).to_pylist() == expected.to_pylist()
        and found["as_of"].to_pylist() == known.to_pylist()
    )


async def test_bars_become_rows_and_corrections_of_any_age_are_taken_in(
    settings: Settings,
) -> None:
    foreign = [r for r in bars(settings) if r.key == b"T2"]
    await produce(settings, [r for r in bars(settings) if r.key != b"T2"])
    # As a producer with another partitioner would: the key of the message is not the ticker's.
    home = partition_for(b"T2", 2)
    other = next(key for key in (b"a", b"b", b"c", b"d") if partition_for(key, 2) != home)
    await produce(settings, [r._replace(key=other) for r in foreign])
    async with loading(settings, within=230), processing(settings):
        await until(lambda: _complete(settings, 3 * BARS), within=90, every=0.2)
        for ticker in ("T0", "T1", "T2"):
            assert await agrees(settings, ticker)
        for number in (BARS + 1, 2 * BARS - 3):  # long before the window of T1, and inside it
            value = bar(number, bars_a_ticker=BARS, close=99.0, high=120.0, low=90.0)
            await produce(settings, [record(settings, value, EVENING)])
        await until(lambda: _known(settings, "T1", BARS - 1), within=60, every=0.2)
        await until(lambda: agrees(settings, "T1"), within=60, every=0.2)
        await until(lambda: _scored(settings), within=30, every=0.2)
    assert await count(settings, "technical_features_revisions") == BARS - 1
    assert await count(settings, "dead_letters") == 0


async def _complete(settings: Settings, rows: int) -> bool:
    return await count(settings, "technical_features") == rows


async def _known(settings: Settings, ticker: str, rows: int) -> bool:
    where = f"ticker = '{ticker}' AND as_of = '{EVENING}'"
    return await count(settings, "technical_features", where) == rows


async def _scored(settings: Settings) -> bool:
    counts = [await count(settings, table) for table in ("ml_predictions", "model_performance")]
    return all(counts)


async def test_one_killed_and_started_again_ends_with_the_same_and_no_version_more(
    settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"processor_outputs": ("technical_features",)})
    records = bars(settings)
    await produce(settings, records[: len(records) // 2])
    async with loading(settings, within=230):
        async with worker(settings, tmp_path / "killed") as one:
            await until(lambda: one.lives_until(_begun(settings)), within=90, every=0.2)
            one.process.send_signal(signal.SIGKILL)
            await one.process.wait()
        await produce(settings, records[len(records) // 2 :])
        async with worker(settings, tmp_path / "again") as one:
            await until(
                lambda: one.lives_until(_complete(settings, 3 * BARS)), within=90, every=0.2
            )
            one.process.terminate()
            assert await asyncio.wait_for(one.process.wait(), stretched(20)) == 0
        for ticker in ("T0", "T1", "T2"):
            assert await agrees(settings, ticker)
    assert await count(settings, "technical_features_revisions") == 0


async def _begun(settings: Settings) -> bool:
    return await count(settings, "technical_features") > 0


class Failing:
    """A scorer with an error of its own."""

    def score(self, text: str) -> float:
        if "explodes" in text:
            raise ZeroDivisionError("no such word")
        return Vader().score(text)


async def test_what_breaks_the_law_or_the_processor_stops_nobody_and_articles_are_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "find_scorer", Failing)
    article: dict[str, object] = {
        "publisher": "P", "summary": None, "url": None, "language": "en",
        "published_at": "2026-01-01T00:00:00Z", "tickers": [], "story_id": None,
    }  # fmt: skip
    titles = {"good": "Apple shares surge as profit beats", "arabic": "أسهم", "empty": "",
              "long": "Nvidia plunges " + "x" * 500_000, "worst": "A volcano explodes"}  # fmt: skip
    topic = f"{settings.kafka_topic_prefix}news_articles"
    articles = [
        Record(topic, n.encode(), json.dumps(article | {"article_id": n, "title": t}).encode())
        for n, t in titles.items()
    ]
    pills = [Record(topic, b"bad", b"{}"), record(settings, bar(0, close=None))]
    broken = record(settings, b"not json")
    await produce(settings, [*pills, *articles, broken, record(settings, bar(1))])
    async with loading(settings), processing(settings):
        await until(lambda: _judged(settings, len(titles) - 1), within=90, every=0.2)
        await until(lambda: _complete(settings, 1), within=30, every=0.2)
        failed = "error_code = 'processor_failed'"
        await until(lambda: count(settings, "dead_letters", failed), within=30, every=0.2)
    rows = await query(settings, "SELECT * FROM news_sentiment")
    labels = {row["article_id"]: row["sentiment_label"] for row in rows}
    expected = {"good": "positive", "arabic": "neutral", "empty": "neutral", "long": "negative"}
    assert labels == expected
    assert {row["article_id"]: row["entities"] for row in rows}["good"] == ["AAPL", "Apple"]
    assert await count(settings, "dead_letters") == 3 + 1
    [letter] = await query(settings, f"SELECT * FROM dead_letters WHERE {failed}")
    assert (letter["dataset"], letter["key"], letter["topic"]) == ("news_articles", b"worst", topic)
    assert "ZeroDivisionError: no such word" in letter["reason"]


async def _judged(settings: Settings, articles: int) -> bool:
    return await count(settings, "news_sentiment") == articles
