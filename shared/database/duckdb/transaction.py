"""A DuckDB transaction that stays open between calls, on a connection of its own."""

from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from shared.database.duckdb.session import carry_out
from shared.database.duckdb.threads import Call, run
from shared.database.steps import Execute, Select, Steps

Connection = duckdb.DuckDBPyConnection
T = TypeVar("T")


class DuckdbTransaction:
    """The statements of one open transaction; they take turns with all other writing."""

    def __init__(self, connection: Connection, threads: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._threads = threads

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        def steps() -> Steps[pa.Table]:
            return (yield Select(sql, tuple(parameters)))

        return await self.run(steps())

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        def steps() -> Steps[int]:
            count: int = yield Execute(sql, tuple(parameters))
            return count

        return await self.run(steps())

    async def run(self, steps: Steps[T]) -> T:
        return await self.call(lambda call: carry_out(self._connection, steps, call))

    async def call(self, work: Callable[[Call[T]], T]) -> T:
        """Do blocking work on the connection, on the thread of the writers."""
        return await run(self._threads, Call(self._connection, work))


@asynccontextmanager
async def open_transaction(
    connection: Connection, threads: ThreadPoolExecutor
) -> AsyncIterator[DuckdbTransaction]:
    """Begin on a connection, which is closed with the block; commit, or roll back if it raises."""
    opened = DuckdbTransaction(connection, threads)
    try:
        await opened.call(lambda _: connection.begin())
        yield opened
        await opened.call(lambda _: connection.commit())
    except BaseException:
        # What is lost with the connection is rolled back, too.
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    finally:
        connection.close()
