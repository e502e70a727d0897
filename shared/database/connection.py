"""The database for notebooks and scripts: synchronous, and the same on both databases."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import pyarrow as pa

from shared.control import Door, find_running
from shared.database.factory import create_database
from shared.errors import ConfigError
from shared.settings import Settings, load_settings

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

_TABLE_EXISTS = (
    "SELECT count(*) AS n FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name = $1"
)


class _Source(Protocol):
    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table: ...

    def execute(self, sql: str, parameters: Sequence[Any]) -> int: ...

    def close(self) -> None: ...


class DatabaseConnection:
    """A database, whichever the settings name; safe for use by several threads.

    Every method blocks, also inside a running event loop (a notebook's), where it holds
    that loop up until the answer is there. Placeholders are $1, $2 … on both databases.
    """

    def __init__(self, settings: Settings) -> None:
        self._backend = settings.database_backend
        running = find_running(settings.data_dir) if self._backend == "duckdb" else None
        if running is not None and running.holds(settings):
            self._source: _Source = _ThroughUp(Door(running))
        else:
            self._source = _Opened(settings)

    @property
    def backend(self) -> str:
        """`duckdb` or `postgresql`."""
        return self._backend

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
        """Return the rows of a query; whole numbers stay whole where some are null.

        Raises Fatal where the statement is refused, Transient where the database is away.
        """
        import pandas as pd

        table = self._source.fetch(sql, parameters)
        whole = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
        frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get)
        return frame

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it touched.

        Raises ConfigError while `econstream up` holds the DuckDB file: only `query` goes then.
        """
        return self._source.execute(sql, parameters)

    def table_exists(self, name: str) -> bool:
        """Return whether there is a table or view of this name."""
        found = self._source.fetch(_TABLE_EXISTS, (name,))
        return bool(found["n"][0].as_py())

    def close(self) -> None:
        """Release the database; idempotent."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Opened:
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

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        return self._wait(self._database.fetch(sql, parameters))

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        return self._wait(self._database.execute(sql, parameters))

    def close(self) -> None:
        if self._thread.is_alive():
            self._wait(self._database.close())
            self._end_loop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            work.close()
            raise ConfigError("this connection is closed: call get_db_connection() again")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


class _ThroughUp:
    """The DuckDB file that a running `up` holds: reading only."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def fetch(self, sql: str, parameters: Sequence[Any]) -> pa.Table:
        return self._door.query(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        raise ConfigError(
            "the DuckDB file is held by a running `econstream up`, which lets others read only: "
            "post rows with `econstream produce`, or stop `up` first"
        )

    def close(self) -> None:
        """Nothing is held."""


_lock = threading.Lock()
_current: list[DatabaseConnection] = []


def get_db_connection(*, force_new: bool = False) -> DatabaseConnection:
    """Return the process's connection to the database that the environment names.

    The first call opens it; with `force_new` the caller gets one of its own, which it must
    close. Raises ConfigError where a setting is wrong, Transient where the server is away.
    """
    if force_new:
        return DatabaseConnection(load_settings())
    with _lock:
        if not _current:
            _current.append(DatabaseConnection(load_settings()))
        return _current[0]


def get_database_backend() -> str:
    """Return which database the environment names: `duckdb` or `postgresql`."""
    return load_settings().database_backend
