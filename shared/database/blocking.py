"""The asynchronous database for callers that block, from any thread and inside any event loop."""

import asyncio
import datetime as dt
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pyarrow as pa

from shared.control import Door
from shared.database.base import Database, Transaction
from shared.database.factory import create_database
from shared.database.frames import plain_columns, rows_of, stamped
from shared.database.insert import KEY_OF, OnConflict, insert_plain, insert_rows
from shared.errors import ConfigError
from shared.registry import discover
from shared.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Statements(Protocol):
    """What may be asked of a database, or of one transaction of it."""

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table: ...

    def execute(self, sql: str, parameters: Sequence[Any]) -> int: ...

    def insert(self, table: str, frame: "pd.DataFrame", on_conflict: OnConflict) -> int: ...


class Opened:
    """The asynchronous database, run on an event loop of its own in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="econstream-database", daemon=True
        )
        self._thread.start()
        self._database = create_database(settings, application="econstream-notebook")
        try:
            self._wait(self._database.open())
        except BaseException:
            self._end_loop()
            raise

    @property
    def closed(self) -> bool:
        return not self._thread.is_alive()

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        return self._wait(_fetch_whole(self._database, sql, parameters))

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        return self._wait(self._database.execute(sql, parameters))

    def insert(self, table: str, frame: "pd.DataFrame", on_conflict: OnConflict) -> int:
        with self.transaction() as statements:
            return statements.insert(table, frame, on_conflict)

    @contextmanager
    def transaction(self) -> Iterator["_InTransaction"]:
        lent = self._database.transaction()
        opened = self._wait(lent.__aenter__())
        try:
            yield _InTransaction(self, opened)
        except BaseException as exc:
            self._wait(lent.__aexit__(type(exc), exc, exc.__traceback__))
            raise
        self._wait(lent.__aexit__(None, None, None))

    @property
    def locks(self) -> bool:
        """Whether other writers must be locked out row by row."""
        return self._database.backend == "postgresql"

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine of the database does, run on its event loop."""
        return self._wait(work)

    def close(self) -> None:
        if self._thread.is_alive():
            self._wait(self._database.close())
            self._end_loop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            work.close()
            raise ConfigError("this connection is closed: call get_db_connection() again")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Whoever waits may be interrupted (Ctrl-C): then nobody wants the answer any more.
            future.cancel()
            raise

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


class _InTransaction:
    """The statements of one transaction."""

    def __init__(self, opened: Opened, transaction: Transaction) -> None:
        self._opened = opened
        self._transaction = transaction

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        return self._opened.wait(self._transaction.fetch(sql, parameters))

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        return self._opened.wait(self._transaction.execute(sql, parameters))

    def insert(self, table: str, frame: "pd.DataFrame", on_conflict: OnConflict) -> int:
        dataset = discover().find(table)
        if dataset is None:
            key = tuple(self.fetch(KEY_OF, (table,)).column(0).to_pylist())
            steps = insert_plain(table, key, plain_columns(frame), on_conflict)
        else:
            rows = stamped(dataset, rows_of(dataset, frame), dt.datetime.now(dt.UTC))
            steps = insert_rows(dataset, rows, on_conflict, locks=self._opened.locks)
        return self._opened.wait(self._transaction.run(steps))


class ThroughUp:
    """The DuckDB file that a running `up` holds: reading only."""

    closed = False

    def __init__(self, door: Door) -> None:
        self._door = door

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        return self._door.query(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        raise _held()

    def insert(self, table: str, frame: "pd.DataFrame", on_conflict: OnConflict) -> int:
        raise _held()

    def transaction(self) -> AbstractContextManager[Statements]:
        raise _held()

    def close(self) -> None:
        """Nothing is held."""
        self.closed = True


def _held() -> ConfigError:
    return ConfigError(
        "the DuckDB file is held by a running `econstream up`, which lets others read only: "
        "post rows with `econstream produce`, or stop `up` first"
    )


async def _fetch_whole(database: Database, sql: str, parameters: Sequence[Any]) -> pa.Table:
    parts = [part async for part in database.stream(sql, parameters, whole=True)]
    return pa.Table.from_batches(parts)
