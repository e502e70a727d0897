"""The API over a database, and rows for it to answer with."""

import datetime as dt
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pyarrow as pa

from services.api.app import create_app
from shared.database.base import Batch, Database, Reader, Statement
from shared.database.keys import add_key
from shared.dataset import Dataset
from shared.decode import decode
from shared.errors import Transient
from shared.keys import Pepper, Scope, make_key
from shared.record import Message
from shared.registry import Registry, discover
from shared.serving import listening
from shared.settings import Settings
from tests.strategies import EVERYTHING

REGISTRY = Registry([*discover(), EVERYTHING])
READER = Reader("test-cluster", "test-group")
PEPPER = "a pepper of the tests"


@asynccontextmanager
async def api_over(database: Database, **chosen: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the API on a free port of the loopback; yields a client of it."""
    settings = Settings(**{"api_statement_timeout_ms": 20_000, "api_key_pepper": PEPPER, **chosen})
    app = create_app(database, REGISTRY, settings)
    async with listening(app, "127.0.0.1", 0) as server, api_client(server.address) as client:
        yield client


async def give_key(database: Database, *scopes: Scope, **chosen: Any) -> str:
    """Store a key with these scopes and return its text."""
    key, text = make_key(Pepper(PEPPER), scopes, dt.datetime.now(dt.UTC), **chosen)
    await add_key(database, key)
    return text


def bearer(key: str) -> dict[str, str]:
    """Return the headers that present a key."""
    return {"Authorization": f"Bearer {key}"}


def api_client(address: str) -> httpx.AsyncClient:
    """Return a client of the API at an address, which asks for plain bytes."""
    plain = {"Accept-Encoding": "identity"}
    return httpx.AsyncClient(base_url=address, timeout=30, headers=plain)


async def store(
    database: Database,
    dataset: Dataset,
    rows: Iterable[dict[str, Any]],
    as_of: str = "2024-01-01T00:00:00Z",
    source: str = "test",
) -> None:
    """Write rows of a dataset as the loader does, all known at one moment."""
    headers = (("as_of", as_of.encode()), ("source", source.encode()))
    messages = [
        Message(dataset.name, 0, offset, 0, None, json.dumps(row, default=str).encode(), headers)
        for offset, row in enumerate(rows)
    ]
    decoded = decode(dataset, messages, dt.datetime.now(dt.UTC))
    assert not decoded.rejected, decoded.rejected[0].error
    await database.write(Batch(READER, dataset, decoded.table))


def observations(series: str, values: Sequence[float | None], first: str = "2000-01-01") -> Any:
    """Return rows of fred_data, one a day."""
    start = dt.date.fromisoformat(first)
    return [
        {"series_id": series, "date": str(start + dt.timedelta(days=n)), "value": value}
        for n, value in enumerate(values)
    ]


class ScriptedDatabase:
    """A database that answers each query with these batches, or fails where an error stands.

    `closed` says whether the stream last begun was ended, by its end or by its reader.
    """

    backend = "postgresql"

    def __init__(self, *script: pa.RecordBatch | Exception) -> None:
        self._script = script
        self.closed = False

    async def stream(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_ms: int | None = None,
        whole: bool = False,
        then: Sequence[Statement] = (),
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        self.closed = False
        try:
            for step in self._script:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed = True

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table:
        return pa.Table.from_batches([batch async for batch in self.stream(sql)])

    async def ping(self) -> None:
        if any(isinstance(step, Transient) for step in self._script):
            raise Transient("away")

    @property
    def as_database(self) -> Database:
        return cast("Database", self)
