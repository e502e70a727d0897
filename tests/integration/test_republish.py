"""Topics lost and filled again from the database, on a real broker and each database."""

import asyncio
import datetime as dt
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.cli.records.refilling import Outcome, refill
from shared.database.factory import create_database
from shared.database.history import History
from shared.dataset import Dataset
from shared.errors import InvalidRecord
from shared.kafka import connect, delete_topics
from shared.record import Record, encode_time
from shared.registry import discover
from shared.settings import Settings
from tests.loading import load, produce, snapshot
from tests.services.databases import fresh_database
from tests.services.search import Service

LINEAGE = ("kafka_epoch", "kafka_partition", "kafka_offset")
"""What tells which message made a row: other messages do, once the topic is another."""

FILLED = ("fred_data", "yfinance_ohlcv", "news_articles", "data_refresh_log")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(params=["duckdb", "postgresql"])
def server(request: pytest.FixtureRequest) -> Service | None:
    """A PostgreSQL, or none, where it is DuckDB's turn."""
    return request.getfixturevalue("postgres_server") if request.param == "postgresql" else None


@pytest.fixture
async def settings(
    server: Service | None, kafka_settings: Settings, tmp_path: Path
) -> AsyncIterator[Settings]:
    """Settings that lead to real Kafka and to an empty database, each kind in turn."""
    group = {"loader_group_id": f"{kafka_settings.kafka_topic_prefix}loader"}
    given = kafka_settings.model_copy(update=group)
    async with empty_database(server, given, tmp_path / "old.duckdb") as settings:
        yield settings


@asynccontextmanager
async def empty_database(
    server: Service | None, given: Settings, path: Path
) -> AsyncIterator[Settings]:
    """Lend settings that lead to an empty database of the kind that the test is for."""
    common = given.model_dump(exclude_unset=True) | {"data_dir": path.parent}
    if server is None:
        yield Settings(**common | {"duckdb_path": path})
        return
    async with fresh_database(server) as url:
        yield Settings(**common | {"database_backend": "postgresql", "database_url": url})


def message(
    settings: Settings, name: str, row: Mapping[str, object], as_of: dt.datetime, source: str | None
) -> Record:
    headers = [("as_of", encode_time(as_of).encode())]
    headers += [("source", source.encode())] if source else []
    key = str(next(iter(row.values()))).encode()
    topic = f"{settings.kafka_topic_prefix}{name}"
    return Record(topic, key, json.dumps(row).encode(), tuple(headers))


def restless(settings: Settings) -> Iterator[Record]:
    """Yield records of few keys in no order of time: revisions, retractions, ties and splits."""
    chance = random.Random(7)
    for _ in range(1_500):
        as_of = START + dt.timedelta(hours=chance.randrange(24), microseconds=chance.randrange(2))
        source = chance.choice([None, "fred", "fredgraph"])
        day, value = f"2025-01-{chance.randrange(1, 9):02}", chance.choice([None, 0.1, -0.0, 3e22])
        series = chance.choice("ABCDE")
        row: dict[str, object] = {"series_id": series, "date": day, "value": value}
        yield message(settings, "fred_data", row, as_of, source)
        bar = {"ticker": series, "date": day, "open": None, "high": 2.0, "low": 0.5, "close": 1.25}
        adjusted = {"adj_close": chance.random(), "volume": chance.randrange(2), "currency": "GBp"}
        yield message(
            settings, "yfinance_ohlcv", {**bar, **adjusted, "is_final": True}, as_of, source
        )


def odd(settings: Settings) -> Iterator[Record]:
    """Yield a text with what must be escaped, a list of texts, and a log without versions."""
    article: dict[str, object] = {
        "article_id": "a1",
        "publisher": 'Ünder "quotes" \\ and\ttabs',
        "title": "line\nbreak \U0001f4c8",
        "summary": None,
        "url": "https://example.org/?a=1&b=2",
        "published_at": "2026-01-01T12:00:00.000001Z",
        "language": None,
        "tickers": ["A,B", 'q"q'],
        "story_id": None,
    }
    yield message(settings, "news_articles", article, START, "news")
    yield message(settings, "news_articles", article | {"tickers": []}, START + HOUR, "news")
    log = {
        "run_id": "r1",
        "data_type": "fred_data",
        "refresh_time": "2026-01-01T00:00:00Z",
        "status": "failed",
        "records_updated": 2**40,
        "error_message": "away",
        "duration_seconds": 1.5,
    }
    yield message(settings, "data_refresh_log", log, START, "fred")


HOUR = dt.timedelta(hours=1)


def whole(names: Sequence[str] = FILLED) -> list[History]:
    return [History(dataset) for dataset in discover() if dataset.name in names]


async def refilled(settings: Settings, wanted: list[History], *, dry_run: bool = False) -> int:
    def refuse(dataset: Dataset, reason: InvalidRecord) -> None:
        raise AssertionError(f"{dataset.name}: {reason}")

    seen: list[Outcome] = []
    async with asyncio.timeout(60):
        done = await refill(settings, wanted, refuse, seen.append, dry_run=dry_run)
    assert dry_run or all(outcome.published == outcome.found for outcome in done)
    return sum(outcome.published for outcome in done)


async def lose_topics(settings: Settings) -> None:
    cluster = await connect(settings)
    prefix = settings.kafka_topic_prefix
    await delete_topics(cluster, [dataset.topic(prefix) for dataset in discover()])


async def test_a_lost_topic_comes_back_with_every_version(
    server: Service | None, settings: Settings, tmp_path: Path
) -> None:
    await produce(settings, [*restless(settings), *odd(settings)])
    await load(settings)
    before = await snapshot(settings, ignore=LINEAGE)
    assert all(before[name] for name in FILLED)
    assert len(before["fred_data_revisions"]) > 200
    assert len(before["yfinance_ohlcv_revisions"]) > 200
    runs = [*before["fred_data"], *before["fred_data_revisions"]]
    assert any(run["confirmed_as_of"] > run["as_of"] for run in runs)
    assert {run["value"] for run in runs} == {None, 0.1, -0.0, 3e22}

    await lose_topics(settings)
    assert await refilled(settings, whole()) > len(runs)
    async with empty_database(server, settings, tmp_path / "new.duckdb") as anew:
        progress = await load(anew)
        assert progress.dead_letters == 0
        assert await snapshot(anew, ignore=LINEAGE) == before


async def test_published_where_it_came_from_it_changes_nothing(settings: Settings) -> None:
    await produce(settings, [*restless(settings), *odd(settings)])
    await load(settings)
    before = await snapshot(settings)
    published = await refilled(settings, whole())
    progress = await load(settings)
    assert progress.records == progress.unchanged == published
    assert await snapshot(settings) == before


async def test_a_part_is_what_was_known_since_or_what_is_current(settings: Settings) -> None:
    def observation(value: float, hours: int) -> Record:
        row: dict[str, object] = {"series_id": "A", "date": "2025-01-01", "value": value}
        return message(settings, "fred_data", row, START + hours * HOUR, "fred")

    await produce(
        settings, [observation(v, h) for v, h in ((1, 0), (2, 1), (2, 3), (3, 4), (3, 6))]
    )
    await load(settings)
    [fred] = [dataset for dataset in discover() if dataset.name == "fred_data"]

    async def count(current_only: bool = False, hours: int | None = None) -> int:
        since = None if hours is None else START + hours * HOUR
        wanted = [History(fred, current_only, since)]
        found = await refill(settings, wanted, lambda *_: None, lambda _: None, dry_run=True)
        return found[0].found

    assert await count() == 5
    assert await count(current_only=True) == 2
    assert await count(hours=3) == 3
    assert await count(current_only=True, hours=5) == 1
    assert await refilled(settings, whole(["fred_data"]), dry_run=True) == 0


async def test_a_row_that_no_message_can_carry_is_told_and_its_neighbours_published(
    settings: Settings,
) -> None:
    await produce(settings, list(restless(settings)))
    await load(settings)
    database = create_database(settings, application="test")
    await database.open()
    try:
        await database.execute(
            "UPDATE fred_data SET value = 'NaN' WHERE series_id = 'C' AND date = '2025-01-03'"
        )
    finally:
        await database.close()
    told: list[str] = []
    [fred] = await refill(
        settings,
        whole(["fred_data"]),
        lambda dataset, reason: told.append(f"{dataset.name} {reason.field}"),
        lambda _: None,
        dry_run=False,
    )
    assert set(told) == {"fred_data value"}
    assert fred.refused == len(told)
    assert fred.published == fred.found - fred.refused > 500
