"""The steps of a transaction carried out on one DuckDB connection; every call blocks."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from shared.database.duckdb.read import select
from shared.database.duckdb.threads import Call
from shared.database.sql import listed, quote
from shared.database.steps import (
    Announce,
    Append,
    Compute,
    Execute,
    Load,
    Overtaken,
    Select,
    Step,
    Steps,
    WaitNoMore,
)
from shared.errors import ConfigError

T = TypeVar("T")
_APPENDED = "appended_rows"

_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    # As PostgreSQL sorts, so that the same query gives the same rows.
    "SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
    # A commit writes to the log; the more of it, the seldomer a batch waits for a checkpoint.
    "SET GLOBAL checkpoint_threshold = '128MB'",
)


def connect(path: Path, memory_limit: str, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the file, made with its folder where missing unless it is only to be read.

    Raises ConfigError where another process holds it, or it is no DuckDB file.
    """
    try:
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            str(path), read_only=read_only, config={"memory_limit": memory_limit}
        )
        for setting in _SETTINGS:
            connection.execute(setting)
        return connection
    except duckdb.IOException as exc:
        if "lock" in str(exc):
            raise ConfigError(
                f"{path} is held by another process: stop it, or go through the running "
                "`econstream up`, or set DUCKDB_PATH to another file"
            ) from exc
        newer = "newer version" in str(exc)
        todo = "use the econstream that wrote it" if newer else "set DUCKDB_PATH to another file"
        raise ConfigError(
            f"{path} cannot be opened as a DuckDB file ({str(exc).splitlines()[0]}): {todo}"
        ) from exc
    except (duckdb.Error, OSError) as exc:
        raise ConfigError(
            f"{path} cannot be opened ({exc}): check DUCKDB_PATH and DUCKDB_MEMORY_LIMIT"
        ) from exc


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, call: Call[Any]) -> Iterator[None]:
    """Commit what the block does; roll back if it raises, or if nobody waits any more."""
    try:
        # Even this may be interrupted, and leaves a transaction then.
        connection.begin()
        yield
        call.settle()
        call.check()
        connection.commit()
    except BaseException:
        call.settle()
        # One that failed to commit has ended by itself.
        with suppress(duckdb.Error):
            connection.rollback()
        raise


def transact(connection: duckdb.DuckDBPyConnection, steps: Steps[T], call: Call[T]) -> T:
    """Carry out steps in one transaction and return their outcome; what is raised rolls back."""
    loaded: list[str] = []
    try:
        with transaction(connection, call), closing(steps):
            return _run(connection, steps, call, loaded)
    finally:
        _let_go(connection, loaded)


def carry_out(connection: duckdb.DuckDBPyConnection, steps: Steps[T], call: Call[T]) -> T:
    """Carry out steps within a transaction and return their outcome."""
    loaded: list[str] = []
    try:
        with closing(steps):
            return _run(connection, steps, call, loaded)
    finally:
        _let_go(connection, loaded)


def _let_go(connection: duckdb.DuckDBPyConnection, loaded: Iterable[str]) -> None:
    """Let go of the tables of a batch; in a transaction that failed the next of their name do."""
    for name in loaded:
        with suppress(duckdb.TransactionException):
            connection.unregister(name)


def _run(
    connection: duckdb.DuckDBPyConnection, steps: Steps[T], call: Call[T], loaded: list[str]
) -> T:
    answer: Any = None
    while True:
        try:
            step: Step = steps.send(answer)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        call.check()
        match step:
            case Execute(sql, parameters):
                answer = touched(connection.execute(sql, list(parameters)))
            case Select(sql, parameters):
                answer = select(connection, sql, parameters)
            case Load(name, rows):
                connection.register(name, rows)
                loaded.append(name)
                answer = 0
            case Append(name, rows):
                loaded.append(_APPENDED)
                _append(connection, name, rows)
                answer = 0
            case WaitNoMore() | Announce():
                answer = 0  # there is one writer, and its process tells what is stored
            case Compute(work):
                answer = work()


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    columns = listed(rows.column_names)
    connection.register(_APPENDED, rows)
    try:
        connection.execute(
            f"INSERT INTO {quote(table)} ({columns}) SELECT {columns} FROM {_APPENDED}"
        )
    except duckdb.ConstraintException as exc:
        raise Overtaken from exc


def touched(result: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows a statement touched, 0 where it does not count them."""
    row = result.fetchone() if result.description else None
    return int(row[0]) if row and isinstance(row[0], int) else 0
