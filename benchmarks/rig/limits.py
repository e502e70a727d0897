"""How fast a database itself takes the same rows: prepared batches, plain upserts, nothing else."""

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

import asyncpg
import duckdb
import pyarrow as pa

from benchmarks.rig.bars import Slice
from shared.database.ddl import DUCKDB, POSTGRESQL, create_table
from shared.database.postgres.session import encode_binary
from shared.database.sql import MESSAGE, STAMPS, listed, quote
from shared.database.tables import Table
from shared.dataset import Dataset

_INCOMING = "incoming"


class Limit(Protocol):
    """A database that takes rows by its fastest plain upsert."""

    async def write(self, part: Slice, batch_rows: int) -> float:
        """Upsert rows in transactions of `batch_rows`; return the seconds it took."""

    async def close(self) -> None:
        """Release the connection."""


class PostgresLimit:
    """COPY into a temporary table and one upsert from it, a transaction a batch."""

    def __init__(self, connection: asyncpg.Connection, dataset: Dataset) -> None:
        self._connection = connection
        self._upsert = _upsert(dataset)

    @classmethod
    async def open(cls, url: str, dataset: Dataset) -> Self:
        """Connect and make the table, with columns, key and storage of the dataset's own."""
        connection = await asyncpg.connect(url, timeout=10)
        await connection.execute(create_table(_table(dataset), POSTGRESQL))
        body = ", ".join(
            f"{quote(c.name)} {c.kind.postgres}"
            for c in dataset.stored
            if c.name not in ("confirmed_as_of", *STAMPS)
        )
        await connection.execute(f"CREATE TEMP TABLE {_INCOMING} ({body}) ON COMMIT DELETE ROWS")
        return cls(connection, dataset)

    async def write(self, part: Slice, batch_rows: int) -> float:
        prepared = [(b.column_names, encode_binary(b)) for b in _batches(part, batch_rows)]
        started = time.perf_counter()
        for columns, payload in prepared:
            async with self._connection.transaction():
                await self._connection.copy_to_table(
                    _INCOMING, source=io.BytesIO(payload), columns=columns, format="binary"
                )
                await self._connection.execute(self._upsert)
        return time.perf_counter() - started

    async def close(self) -> None:
        await self._connection.close(timeout=10)


class DuckdbLimit:
    """One upsert from an Arrow table, a transaction a batch."""

    def __init__(self, path: Path, memory_limit: str, dataset: Dataset) -> None:
        self._connection = duckdb.connect(str(path), config={"memory_limit": memory_limit})
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute(create_table(_table(dataset), DUCKDB))
        self._upsert = _upsert(dataset)

    async def write(self, part: Slice, batch_rows: int) -> float:
        return await asyncio.to_thread(self._write, list(_batches(part, batch_rows)))

    async def close(self) -> None:
        self._connection.close()

    def _write(self, prepared: list[pa.Table]) -> float:
        started = time.perf_counter()
        for batch in prepared:
            self._connection.begin()
            self._connection.register(_INCOMING, batch)
            self._connection.execute(self._upsert).fetchall()
            self._connection.commit()
            self._connection.unregister(_INCOMING)
        return time.perf_counter() - started


def _batches(part: Slice, rows: int) -> Iterator[pa.Table]:
    table = part.incoming()
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _table(dataset: Dataset) -> Table:
    name = f"limit_{dataset.name}"
    return Table(name, dataset.stored, dataset.key, "the limit", is_dataset=True)


def _upsert(dataset: Dataset) -> str:
    fields = listed(column.name for column in dataset.columns)
    names = [c.name for c in dataset.columns]
    names += ["as_of", "confirmed_as_of", *MESSAGE, *STAMPS]
    rest = [name for name in names if name not in (*dataset.key, "created_at")]
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in rest)
    return (
        f"INSERT INTO {quote(_table(dataset).name)} ({listed(names)}) "
        f"SELECT {fields}, as_of, as_of, {listed(MESSAGE)}, now(), now() FROM {_INCOMING} "
        f"ON CONFLICT ({listed(dataset.key)}) DO UPDATE SET {sets}"
    )
