"""The steps of a transaction carried out on one DuckDB connection; every call blocks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from shared.columns import UTC_MICROSECONDS
from shared.database.steps import Execute, Load, Select, Step
from shared.errors import ConfigError, Fatal

READ_ONLY = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def connect(path: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open the file, made with its folder where missing.

    Raises ConfigError where another process holds it, or it is no DuckDB file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path), config={"memory_limit": memory_limit})
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection
    except duckdb.IOException as exc:
        if "lock" in str(exc):
            raise ConfigError(
                f"{path} is held by another process: stop it, or go through the running "
                "`econstream up`, or set DUCKDB_PATH to another file"
            ) from exc
        raise ConfigError(
            f"{path} cannot be opened as a DuckDB file ({str(exc).splitlines()[0]}): "
            "set DUCKDB_PATH to another file"
        ) from exc
    except (duckdb.Error, OSError) as exc:
        raise ConfigError(f"{path} cannot be opened: {exc}; check DUCKDB_PATH") from exc


def transact(connection: duckdb.DuckDBPyConnection, steps: Any) -> Any:
    """Carry out steps in one transaction and return their outcome; what is raised rolls back."""
    loaded: list[str] = []
    connection.begin()
    try:
        outcome = _run(connection, steps, loaded)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        for name in loaded:
            connection.unregister(name)
    return outcome


def select(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> pa.Table:
    """Return all rows of a query, moments in UTC."""
    return canonical(_relation(connection, sql, parameters).to_arrow_table())


def open_reader(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any], rows: int
) -> pa.RecordBatchReader:
    """Begin a query in a transaction that cannot write, and return the reader of its batches.

    Raises Fatal where the text is not one statement that reads.
    """
    if not is_read_only(connection, sql):
        raise Fatal("only one statement that reads is allowed here")
    connection.execute("BEGIN TRANSACTION READ ONLY")
    return _relation(connection, sql, parameters).to_arrow_reader(rows)


def canonical(table: pa.Table) -> pa.Table:
    """Return a table with moments in plain UTC, whatever name DuckDB gives the zone."""
    fields = [
        field.with_type(UTC_MICROSECONDS) if _is_zoned(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def is_read_only(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Return whether a text holds one statement, and that only reads."""
    statements = connection.extract_statements(sql)
    return len(statements) == 1 and statements[0].type in READ_ONLY


def _relation(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]
) -> duckdb.DuckDBPyRelation:
    relation = connection.sql(sql, params=list(parameters)) if parameters else connection.sql(sql)
    if relation is None:
        raise Fatal("the statement returns no rows: it is not a query")
    return relation


def _run(connection: duckdb.DuckDBPyConnection, steps: Any, loaded: list[str]) -> Any:
    answer: Any = None
    while True:
        try:
            step: Step = steps.send(answer)
        except StopIteration as end:
            return end.value
        match step:
            case Execute(sql, parameters):
                answer = touched(connection.execute(sql, list(parameters)))
            case Select(sql, parameters):
                answer = select(connection, sql, parameters).to_pylist()
            case Load(name, rows):
                connection.register(name, rows)
                loaded.append(name)
                answer = 0


def touched(result: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows a statement touched, 0 where it does not count them."""
    row = result.fetchone() if result.description else None
    return int(row[0]) if row and isinstance(row[0], int) else 0


def _is_zoned(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)
