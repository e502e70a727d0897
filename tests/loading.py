"""Records to load, the loader run on them, and what then stands in the database."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.loader.app import load_topics
from services.loader.progress import Progress
from shared.database.base import Database
from shared.database.factory import create_database
from shared.database.tables import tables
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings

FIRST_DAY = dt.date(1990, 1, 1)
MORNING = "2026-01-01T00:00:00Z"
EVENING = "2026-01-01T20:00:00Z"
_STAMPS = ("created_at", "updated_at")


def bar(number: int, *, bars_a_ticker: int = 2_500, open_: float = 1.0, **fields: Any) -> bytes:
    """Return the value of a daily bar; each number has a key of its own."""
    row = {
        "ticker": f"T{number // bars_a_ticker}",
        "date": str(FIRST_DAY + dt.timedelta(days=number % bars_a_ticker)),
        "open": open_ + number,
        "high": 2.5,
        "low": 0.5,
        "close": 2.25,
        "adj_close": None,
        "volume": 100 + number,
        "currency": "USD",
        "is_final": True,
    }
    return json.dumps(row | fields).encode()


def record(settings: Settings, value: bytes | None, as_of: str | None = MORNING) -> Record:
    """Return a record of yfinance_ohlcv; its message key is the ticker where there is one."""
    key = b"?"
    if value and value.startswith(b'{"ticker": "'):
        key = value[12 : value.index(b'"', 12)]
    headers = () if as_of is None else (("as_of", as_of.encode()),)
    return Record(f"{settings.kafka_topic_prefix}yfinance_ohlcv", key, value, headers)


async def produce(settings: Settings, records: Iterable[Record]) -> None:
    """Publish records, the topics made where they are missing."""
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, discover()))
    async with Producer(cluster) as producer:
        await producer.publish(records)


async def load(settings: Settings) -> Progress:
    """Load until caught up, in this process."""
    async with asyncio.timeout(120):
        return await load_topics(settings, asyncio.Event(), until_caught_up=True)


@asynccontextmanager
async def loading(settings: Settings, within: float = 120) -> AsyncIterator[list[Progress]]:
    """Run a loader beside the block; yields a list that soon holds its progress."""
    stop = asyncio.Event()
    seen: list[Progress] = []

    def note(progress: Progress) -> None:
        seen[:] = [progress]

    async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
        tasks.create_task(load_topics(settings, stop, on_progress=note))
        try:
            yield seen
        finally:
            stop.set()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for the block."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def query(settings: Settings, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        rows: list[dict[str, Any]] = (await database.fetch(sql, parameters)).to_pylist()
        return rows
    finally:
        await database.close()


async def execute(settings: Settings, sql: str, *parameters: Any) -> int:
    """Run a statement; return how many rows it touched."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        return await database.execute(sql, parameters)
    finally:
        await database.close()


async def snapshot(settings: Settings, *, ignore: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Return all rows of all tables in order, but for the stamps of this machine's clock."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        return {
            table.name: await _rows(database, table.name, table.key, ignore)
            for table in tables(discover())
            if table.name != "consumer_offsets"
        }
    finally:
        await database.close()


async def _rows(
    database: Database, name: str, key: Sequence[str], ignore: Sequence[str]
) -> list[Any]:
    order = ", ".join(f'"{column}"' for column in key)
    if name == "dead_letters":
        order = 'topic, partition, "offset"'
    found = await database.fetch(f"SELECT * FROM {name} ORDER BY {order}")
    left_out = {*_STAMPS, *ignore, *(["id"] if name == "dead_letters" else [])}
    rows: list[Any] = found.select([c for c in found.column_names if c not in left_out]).to_pylist()
    return rows
