"""The database protocol over one DuckDB file, its blocking calls on threads of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from shared.database import positions
from shared.database.base import Batch, Position, Reader, Written
from shared.database.duckdb import schema, session
from shared.database.duckdb.faults import translated
from shared.database.fold import by_key
from shared.database.steps import Execute, Steps
from shared.database.write import Rehearsed, rehearse, write
from shared.dataset import Dataset
from shared.errors import Transient

READ_THREADS = 4
BATCH_ROWS = 10_000
T = TypeVar("T")


class DuckdbDatabase:
    """A DuckDB file, which this process alone may open; for tasks of one event loop.

    Writes take turns on one connection; each read has a connection and a snapshot of its own.
    """

    backend = "duckdb"

    def __init__(self, path: Path, *, memory_limit: str) -> None:
        self._path = path
        self._memory_limit = memory_limit
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._writer = ThreadPoolExecutor(1, "duckdb-write")
        self._readers = ThreadPoolExecutor(READ_THREADS, "duckdb-read")

    async def open(self) -> None:
        if self._connection is None:
            loop = asyncio.get_running_loop()
            opening = loop.run_in_executor(
                self._writer, session.connect, self._path, self._memory_limit
            )
            self._connection = await asyncio.shield(opening)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._writer, connection.close)

    async def ping(self) -> None:
        await self.fetch("SELECT 1")

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        declared = list(datasets)
        return await self._on_writer(lambda connection: schema.apply(connection, declared))

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        declared = list(datasets)
        return await self._on_writer(lambda connection: schema.check(connection, declared))

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        return await self._transact(positions.claim(reader, partitions))

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        return await self._transact(positions.stored(reader))

    async def write(self, batch: Batch) -> Written:
        folded = await asyncio.to_thread(by_key, batch) if batch.table.num_rows else None
        written: Written = await self._transact(write(batch, folded, locks=False))
        return written

    async def rehearse(self, batch: Batch) -> None:
        folded = await asyncio.to_thread(by_key, batch) if batch.table.num_rows else None
        with suppress(Rehearsed):
            await self._transact(rehearse(batch, folded, locks=False))

    async def stream(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> AsyncIterator[pa.RecordBatch]:
        cursor = self._open_connection().cursor()
        try:
            begin = self._on_reader(
                cursor, lambda: session.open_reader(cursor, sql, parameters, BATCH_ROWS)
            )
            seconds = timeout_ms / 1000 if timeout_ms is not None else None
            async with asyncio.timeout(seconds):
                reader = await begin
                part = await self._on_reader(cursor, lambda: _next(reader))
            yield part if part is not None else _empty(reader.schema)
            while part is not None:
                part = await self._on_reader(cursor, lambda: _next(reader))
                if part is not None:
                    yield part
        except TimeoutError as exc:
            raise Transient(f"the query had no rows after {timeout_ms} ms") from exc
        finally:
            cursor.close()

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table:
        parts = [part async for part in self.stream(sql, parameters, timeout_ms=timeout_ms)]
        return pa.Table.from_batches(parts)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        def steps() -> Steps:
            return (yield Execute(sql, tuple(parameters)))

        count: int = await self._transact(steps())
        return count

    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise Transient("the database is not open")
        return self._connection

    async def _transact(self, steps: Steps) -> Any:
        return await self._on_writer(lambda connection: session.transact(connection, steps))

    async def _on_writer(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        connection = self._open_connection()
        return await _finish(self._writer, connection, lambda: work(connection))

    async def _on_reader(self, cursor: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
        return await _finish(self._readers, cursor, work)


async def _finish(
    threads: ThreadPoolExecutor, connection: duckdb.DuckDBPyConnection, work: Callable[[], T]
) -> T:
    """Run blocking work on a thread; cancelling interrupts it and waits until it has ended."""
    future = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        with translated():
            return await asyncio.shield(future)
    except asyncio.CancelledError:
        connection.interrupt()
        await asyncio.wait([future])
        future.exception()  # it is our own interrupt, and so told to nobody
        raise


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        part = reader.read_next_batch()
    except StopIteration:
        return None
    return _canonical(part)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return _canonical(pa.RecordBatch.from_pylist([], schema))


def _canonical(part: pa.RecordBatch) -> pa.RecordBatch:
    table = session.canonical(pa.Table.from_batches([part]))
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
