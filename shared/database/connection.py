"""The database for notebooks and scripts: synchronous, and the same on both databases."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from shared.control import Door, find_running
from shared.database.blocking import Opened, Statements, ThroughUp
from shared.database.frames import to_frame
from shared.database.insert import OnConflict
from shared.settings import Settings, load_settings

if TYPE_CHECKING:
    import pandas as pd

_TABLE_EXISTS = (
    "SELECT count(*) AS n FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name = $1"
)


class Frames:
    """Statements whose rows come and go as DataFrames; every call blocks."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
        """Return the rows of a query, its column types the same on both databases.

        Numbers and booleans are pandas' nullable types, in which NULL is `pd.NA` and NaN is
        NaN; decimals, and sums of whole numbers, are Float64; dates datetime64[ms], moments
        datetime64[us, UTC]; arrays numpy arrays. Raises Fatal where the statement is refused,
        Transient where the database is away.
        """
        return to_frame(self._statements.fetch(sql, parameters))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it touched.

        Raises ConfigError while `econstream up` holds the DuckDB file: only `query` goes then.
        """
        return self._statements.execute(sql, parameters)

    def insert_df(self, table: str, df: "pd.DataFrame", on_conflict: OnConflict = "newest") -> int:
        """Store the rows of a DataFrame and return how many changed what is stored.

        To store the same frame again changes nothing. Of a dataset every field is to be there,
        None or NaN where unknown; `as_of` and `source` may be, else the rows are known from now
        on. What stands under a row's key already

        - `newest`: is replaced by what became known later, and an older row joins the earlier
          versions; of other tables, by what has a greater `as_of`;
        - `update`: is replaced, and joins the earlier versions of a dataset;
        - `ignore`: stays.

        All rows are stored or none. Raises InvalidRecord that names the column and row at
        fault, Fatal for a table without a primary key, ConfigError as `execute` does.
        """
        return self._statements.insert(table, df, on_conflict)


class DatabaseConnection(Frames):
    """A database, whichever the settings name; safe for use by several threads.

    Every method blocks, also inside a running event loop (a notebook's), where it holds
    that loop up until the answer is there. Placeholders are $1, $2 … on both databases.
    """

    def __init__(self, settings: Settings) -> None:
        self._backend = settings.database_backend
        running = find_running(settings.data_dir) if self._backend == "duckdb" else None
        if running is not None and running.holds(settings):
            self._source: Opened | ThroughUp = ThroughUp(Door(running))
        else:
            self._source = Opened(settings)
        super().__init__(self._source)

    @property
    def backend(self) -> str:
        """`duckdb` or `postgresql`."""
        return self._backend

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._source.closed

    @contextmanager
    def transaction(self) -> Iterator[Frames]:
        """Lend a transaction with query, execute and insert_df of its own.

        It is committed at the block's end and rolled back where the block raises. Other
        threads' calls on this connection are no part of it.
        """
        with self._source.transaction() as statements:
            yield Frames(statements)

    def table_exists(self, name: str) -> bool:
        """Return whether there is a table or view of this name."""
        found: pa.Table = self._source.fetch(_TABLE_EXISTS, (name,))
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


_lock = threading.Lock()
_current: list[DatabaseConnection] = []


def get_db_connection(*, force_new: bool = False) -> DatabaseConnection:
    """Return the process's connection to the database that the environment names.

    The first call opens it, and so does the first after it was closed; with `force_new` the
    caller gets one of its own, which it must close. Raises ConfigError where a setting is
    wrong, Transient where the server is away.
    """
    if force_new:
        return DatabaseConnection(load_settings())
    with _lock:
        if not _current or _current[0].closed:
            _current[:] = [DatabaseConnection(load_settings())]
        return _current[0]


def get_database_backend() -> str:
    """Return which database the environment names: `duckdb` or `postgresql`."""
    return load_settings().database_backend
