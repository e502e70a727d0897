"""A pipeline with its API in this process, and listeners to its streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.api.app import create_app
from services.loader.app import create_loader
from shared.database.base import Database
from shared.database.factory import create_database
from shared.kafka import Cluster, connect, declared_topics, ensure_topics
from shared.registry import discover
from shared.serving import listening
from shared.settings import Settings
from tests.waiting import until

STREAM = "/v1/data/yfinance_ohlcv/stream"


@dataclass
class Event:
    """An event as a client takes it."""

    id: str
    kind: str
    data: dict[str, Any]


@dataclass
class Listener:
    """What a client has heard; `last_id` is what it would come back by."""

    events: list[Event] = field(default_factory=list)
    last_id: str = ""
    ended: bool = False

    @property
    def opens(self) -> list[float]:
        """The opening prices of the versions heard of, which tell test rows apart."""
        return [e.data["open"] for e in self.events if e.kind == "version"]

    @property
    def restarts(self) -> int:
        return sum(e.kind == "restart" for e in self.events)

    async def heard(self, count: int) -> None:
        await until(lambda: len(self.opens) >= count, within=25)

    def take(self, block: str) -> None:
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            data = json.loads(fields["data"])
            self.events.append(Event(self.last_id, fields.get("event", "message"), data))


@asynccontextmanager
async def hearing(
    client: httpx.AsyncClient, last_id: str = "", path: str = STREAM
) -> AsyncIterator[Listener]:
    """Listen while the block runs; it begins once the stream has said where it stands."""
    listener = Listener()

    async def listen() -> None:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        try:
            async with client.stream("GET", path, headers=headers, timeout=60) as answer:
                assert answer.status_code == 200, (await answer.aread()).decode()
                block = ""
                async for line in answer.aiter_lines():
                    block += f"{line}\n"
                    if not line:
                        listener.take(block)
                        block = ""
        except httpx.RemoteProtocolError:
            assert listener.last_id, "it broke off before it began"
        finally:
            listener.ended = True

    listening_task = asyncio.create_task(listen())
    try:
        await until(lambda: bool(listener.last_id) or listening_task.done(), within=30)
        if listening_task.done():
            listening_task.result()
        yield listener
    finally:
        listening_task.cancel()
        await asyncio.wait([listening_task])


@dataclass
class Pipeline:
    """Its parts, all running; `restart` hands on what was asked of the loader."""

    settings: Settings
    cluster: Cluster
    database: Database
    client: httpx.AsyncClient


@asynccontextmanager
async def pipeline(settings: Settings, *, loaders: int = 1) -> AsyncIterator[Pipeline]:
    """Run loaders and the API over one database, as `up` does, or on PostgreSQL over two."""
    registry = discover()
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, registry))
    async with opened(settings) as database, asyncio.TaskGroup() as tasks:
        await database.apply_schema(registry)
        stop = asyncio.Event()
        for _ in range(loaders):
            loader = create_loader(settings, registry, cluster, database)
            tasks.create_task(loader.run(stop))
        app = create_app(database, registry, settings)
        try:
            async with (
                listening(app, "127.0.0.1", 0) as server,
                httpx.AsyncClient(base_url=server.address, timeout=30) as client,
            ):
                try:
                    await until_claimed(database, settings)
                    yield Pipeline(settings, cluster, database, client)
                finally:
                    app.state.live.end()
        finally:
            stop.set()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database that settings lead to."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def until_claimed(database: Database, settings: Settings) -> None:
    """Wait until the loaders hold every partition of the streamed topic."""
    topic = f"{settings.kafka_topic_prefix}yfinance_ohlcv"

    async def claimed() -> bool:
        found = [p for p in await database.positions() if p.topic == topic]
        return len(found) == settings.kafka_topic_partitions

    await until(claimed, within=25)


async def until_stored(pipeline: Pipeline, rows: int) -> None:
    """Wait until so many current rows are stored."""

    async def stored() -> bool:
        found = await pipeline.database.fetch("SELECT count(*) AS n FROM yfinance_ohlcv")
        return bool(found["n"][0].as_py() >= rows)

    await until(stored, within=25)
