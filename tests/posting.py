"""The API's door for rows over real Kafka, and a client that posts through it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.api.app import create_app
from services.loader.app import create_loader
from shared.database.base import Database
from shared.kafka import connect, read_whole
from shared.keys import Scope
from shared.record import Message
from shared.registry import discover
from shared.serving import listening
from shared.settings import Settings
from tests.api import api_client, bearer, give_key

FRED = "/v1/data/ingest/fred"
ROW = {"series_id": "MY_INDEX", "date": "2026-01-01", "value": 101.5}


@dataclass(frozen=True)
class Door:
    """The API over a database, and a client that may post and read."""

    settings: Settings
    database: Database
    client: httpx.AsyncClient
    key: str

    async def post(self, body: Any, path: str = FRED, **headers: str) -> httpx.Response:
        """Post a body as it is, or a value as JSON."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return await self.client.post(path, content=content, headers=headers)

    async def records(self, dataset: str = "fred_data") -> list[Message]:
        """Return what stands on a dataset's topic."""
        topic = f"{self.settings.kafka_topic_prefix}{dataset}"
        return await read_whole(await connect(self.settings), topic)


@asynccontextmanager
async def serving(settings: Settings, database: Database) -> AsyncIterator[Door]:
    app = create_app(database, discover(), settings)
    key = await give_key(database, Scope.INGEST, Scope.READ, name="tests")
    async with listening(app, "127.0.0.1", 0) as server, api_client(server.address) as client:
        client.headers.update(bearer(key))
        yield Door(settings, database, client, key)


@asynccontextmanager
async def loaded(door: Door) -> AsyncIterator[None]:
    """Run a loader on the same database beside the block."""
    cluster, stop = await connect(door.settings), asyncio.Event()
    loader = create_loader(door.settings, discover(), cluster, door.database)
    running = asyncio.create_task(loader.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
