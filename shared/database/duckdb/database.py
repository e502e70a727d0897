"""The database protocol over one DuckDB file, its blocking calls on threads of their own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from shared.database import letters, positions
from shared.database.base import Batch, Heard, Position, Reader, Statement, Written
from shared.database.duckdb import schema, session
from shared.database.duckdb.read import Reading
from shared.database.duckdb.threads import Call, run
from shared.database.duckdb.transaction import DuckdbTransaction, open_transaction
from shared.database.steps import Execute, Steps
from shared.database.turns import Turns
from shared.database.write import Hints, rehearse, store
from shared.dataset import Dataset
from shared.errors import Transient

READ_THREADS = 4
WAIT_SECONDS = 10.0
Connection = duckdb.DuckDBPyConnection
T = TypeVar("T")


@dataclass(slots=True)
class _Opened:
    """An open file: `root` only makes connections, so that it is never busy."""

    root: Connection
    writing: ThreadPoolExecutor
    writer: Connection = field(init=False)
    reading: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READ_THREADS, "duckdb-read")
    )
    readings: set[Reading] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.writer = self.root.cursor()


class DuckdbDatabase:
    """A DuckDB file, which this process alone may open; for tasks of one event loop.

    Writes take turns on one connection; each read has a connection and a snapshot of its own,
    and waits `wait` seconds at most while as many begin as there are threads.
    """

    backend = "duckdb"

    def __init__(
        self, path: Path, *, memory_limit: str, read_only: bool = False, wait: float = WAIT_SECONDS
    ) -> None:
        self._path = path
        self._memory_limit = memory_limit
        self._read_only = read_only
        self._opened: _Opened | None = None
        self._opening = asyncio.Lock()
        self._hints = Hints()
        self._listeners: set[Heard] = set()
        self._turns = Turns(READ_THREADS, "threads that read", "try again")
        self._wait = wait

    async def open(self) -> None:
        async with self._opening:
            if self._opened is None:
                writing = ThreadPoolExecutor(1, "duckdb-write")
                try:
                    root = await self._connect(writing)
                except BaseException:
                    writing.shutdown(wait=False)
                    raise
                self._opened = _Opened(root, writing)

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        for reading in list(opened.readings):
            await asyncio.wrap_future(opened.reading.submit(reading.close))
        await asyncio.wrap_future(opened.writing.submit(opened.writer.close))
        opened.root.close()
        opened.reading.shutdown(wait=False)
        opened.writing.shutdown(wait=False)

    async def ping(self) -> None:
        await self.fetch("SELECT 1")

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        declared = list(datasets)
        return await self._write(lambda connection, call: schema.apply(connection, declared, call))

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        declared = list(datasets)
        return await self._write(lambda connection, _: schema.check(connection, declared))

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        return await self._transact(positions.claim(reader, partitions))

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        return await self._transact(positions.stored(reader))

    async def reset_offsets(
        self, reader: Reader, targets: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        found = await self._transact(positions.reset(reader, targets))
        self._tell({topic for topic, *_ in targets})
        return found

    async def discard_letters(self, ids: Sequence[int]) -> int:
        return await self._transact(letters.discard(ids))

    async def listen(self, heard: Heard) -> None:
        self._listeners.add(heard)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._listeners.discard(heard)

    async def write(self, batch: Batch) -> Written:
        written = await store(batch, self._transact, self._hints, locks=False)
        self._tell({move.end.topic for move in batch.moves})
        return written

    async def rehearse(self, batch: Batch) -> None:
        await rehearse(batch, self._transact, locks=False)

    async def stream(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_ms: int | None = None,
        whole: bool = False,
        then: Sequence[Statement] = (),
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        opened = self._require()
        reading = Reading(opened.root.cursor(), [(sql, parameters), *then], whole=whole)
        opened.readings.add(reading)
        try:
            part: pa.RecordBatch | None = await self._first(opened, reading, timeout_ms)
            while part is not None:
                yield part
                part = await self._read(opened, reading, reading.next)
        finally:
            opened.readings.discard(reading)
            reading.close()

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table:
        parts = [part async for part in self.stream(sql, parameters, timeout_ms=timeout_ms)]
        return pa.Table.from_batches(parts)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        def steps() -> Steps[int]:
            count: int = yield Execute(sql, tuple(parameters))
            return count

        return await self._transact(steps())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DuckdbTransaction]:
        opened = self._require()
        async with open_transaction(opened.root.cursor(), opened.writing) as transaction:
            yield transaction

    async def _connect(self, writing: ThreadPoolExecutor) -> Connection:
        opening = writing.submit(
            session.connect, self._path, self._memory_limit, read_only=self._read_only
        )
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    def _require(self) -> _Opened:
        if self._opened is None:
            raise Transient("the database is not open")
        return self._opened

    async def _first(
        self, opened: _Opened, reading: Reading, timeout_ms: int | None
    ) -> pa.RecordBatch:
        try:
            async with (
                self._turns.taken(self._wait),
                asyncio.timeout(timeout_ms / 1000 if timeout_ms is not None else None),
            ):
                return await self._read(opened, reading, reading.first)
        except TimeoutError as exc:
            raise Transient(f"the query had no rows after {timeout_ms} ms") from exc

    async def _read(self, opened: _Opened, reading: Reading, work: Callable[[], T]) -> T:
        if opened is not self._opened:
            raise Transient("the database has been closed")
        return await run(opened.reading, Call(reading.connection, lambda _: work()))

    async def _transact(self, steps: Steps[T]) -> T:
        return await self._write(lambda connection, call: session.transact(connection, steps, call))

    def _tell(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for heard in list(self._listeners):
                heard(topic)

    async def _write(self, work: Callable[[Connection, Call[T]], T]) -> T:
        opened = self._require()
        call: Call[T] = Call(opened.writer, lambda call: work(opened.writer, call))
        return await run(opened.writing, call)


def _close_unwanted(opening: "Future[Connection]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
