"""The database protocol over a pool of PostgreSQL connections."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import pyarrow as pa
from pydantic import SecretStr

from shared.database import letters, positions
from shared.database.base import Batch, Heard, Position, Reader, Statement, Written
from shared.database.postgres import read, schema
from shared.database.postgres.arrow import set_codecs
from shared.database.postgres.faults import DRIVER_ERRORS, connecting, translated
from shared.database.postgres.listen import listen
from shared.database.postgres.session import (
    Connection,
    PostgresTransaction,
    open_transaction,
    touched,
    transact,
)
from shared.database.postgres.zombies import ending_zombies
from shared.database.steps import Steps
from shared.database.turns import Turns
from shared.database.write import Hints, rehearse, store
from shared.dataset import Dataset
from shared.errors import Transient

CONNECT_SECONDS = 10.0
PING_SECONDS = 5.0
COMMAND_SECONDS = 300.0
CLOSE_SECONDS = 5.0
MOST_SCHEMAS = 500
"""Statements of which it is remembered that they read, and what."""

T = TypeVar("T")


class PostgresDatabase:
    """PostgreSQL; safe for use by many tasks of one event loop.

    While all of `pool_size` connections are in use a read waits `wait` seconds for one, and
    whoever writes CONNECT_SECONDS.
    """

    backend = "postgresql"

    def __init__(
        self, dsn: SecretStr, *, pool_size: int, application: str, wait: float = CONNECT_SECONDS
    ) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._turns = Turns(pool_size, "connections", "DATABASE_POOL_SIZE gives it more")
        self._wait = wait
        self._application = application
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._hints = Hints()
        self._schemas: dict[str, pa.Schema] = {}

    async def open(self) -> None:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connect()
                try:
                    await self.ping()
                except Transient as exc:
                    await self.close()
                    raise Transient(
                        f"{exc}; start it, or check DATABASE_URL, or POSTGRES_HOST and "
                        "POSTGRES_PORT"
                    ) from exc
                except BaseException:
                    await self.close()
                    raise

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await pool.close()
            except DRIVER_ERRORS:
                pool.terminate()

    async def ping(self) -> None:
        async with self._lend(self._wait) as connection:
            with translated():
                await connection.execute("SELECT 1", timeout=PING_SECONDS)

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        async with self._lend() as connection:
            return await schema.apply(connection, list(datasets))

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        async with self._lend() as connection:
            return await schema.check(connection, list(datasets))

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        return await self._transact(positions.claim(reader, partitions))

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        return await self._transact(positions.stored(reader))

    async def reset_offsets(
        self, reader: Reader, targets: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        return await self._transact(positions.reset(reader, targets))

    async def discard_letters(self, ids: Sequence[int]) -> int:
        return await self._transact(letters.discard(ids))

    async def listen(self, heard: Heard) -> None:
        with connecting():
            connection = await self._connect_aside()
        await listen(connection, heard)

    async def write(self, batch: Batch) -> Written:
        return await store(batch, self._transact, self._hints, locks=True)

    async def rehearse(self, batch: Batch) -> None:
        await rehearse(batch, self._transact, locks=True)

    async def stream(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_ms: int | None = None,
        whole: bool = False,
        then: Sequence[Statement] = (),
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        statements = [(sql, parameters), *then]
        async with (
            self._lend(self._wait) as connection,
            aclosing(read.stream(connection, statements, timeout_ms, whole=whole)) as parts,
        ):
            async for part in parts:
                yield part

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table:
        schema = self._schemas.get(sql)
        if schema is not None:
            async with self._lend(self._wait) as connection:
                found = await read.fetch(connection, sql, parameters, timeout_ms, schema)
            if found is not None:
                return found
        parts = [part async for part in self.stream(sql, parameters, timeout_ms=timeout_ms)]
        if len(self._schemas) >= MOST_SCHEMAS:
            self._schemas.clear()
        self._schemas[sql] = parts[0].schema
        return pa.Table.from_batches(parts)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        async with self._lend() as connection:
            with translated():
                return touched(await connection.execute(sql, *parameters))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self._lend() as connection, open_transaction(connection) as opened:
            yield opened

    async def _connect(self) -> asyncpg.Pool:
        with connecting():
            return await asyncpg.create_pool(
                self._dsn.get_secret_value(),
                min_size=0,
                max_size=self._pool_size,
                timeout=CONNECT_SECONDS,
                command_timeout=COMMAND_SECONDS,
                server_settings=self._named,
                init=set_codecs,
            )

    @property
    def _named(self) -> dict[str, str]:
        return {
            "application_name": self._application,
            "timezone": "UTC",
            "client_min_messages": "warning",
        }

    async def _connect_aside(self) -> asyncpg.Connection:
        """Return a connection beside the pool, which may have none left."""
        dsn = self._dsn.get_secret_value()
        return await asyncpg.connect(dsn, timeout=PING_SECONDS, server_settings=self._named)

    @asynccontextmanager
    async def _lend(self, wait: float = CONNECT_SECONDS) -> AsyncIterator[Connection]:
        """Lend a connection; raises Transient where none is free for `wait` seconds."""
        async with self._turns.taken(wait), self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        pool = self._pool
        if pool is None:
            raise Transient("the database is not open")
        with connecting():
            connection = await pool.acquire(timeout=CONNECT_SECONDS)
        try:
            yield connection
        finally:
            # What is wrong with it by now concerns nobody: the pool ends it.
            with suppress(*DRIVER_ERRORS):
                await pool.release(connection, timeout=CLOSE_SECONDS)

    async def _transact(self, steps: Steps[T]) -> T:
        async with (
            self._lend() as connection,
            ending_zombies(connection.get_server_pid(), self._connect_aside),
        ):
            return await transact(connection, steps)
