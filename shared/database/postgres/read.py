"""Query answers from PostgreSQL as Arrow batches, in constant memory."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import asyncpg
import pyarrow as pa

from shared.database.base import Statement
from shared.database.postgres import bulk
from shared.database.postgres.arrow import schema_of, to_batch
from shared.database.postgres.faults import translated
from shared.database.postgres.session import Connection, transaction
from shared.errors import Fatal

BATCH_ROWS = 10_000
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def stream(
    connection: Connection,
    statements: Sequence[Statement],
    timeout_ms: int | None,
    *,
    whole: bool = False,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield the rows of queries, one after the other, as of one moment.

    At least one batch each, perhaps empty, so that the schema is known.
    """
    bound = f"; SET LOCAL statement_timeout = {int(timeout_ms)}" if timeout_ms is not None else ""
    async with transaction(connection, _BEGIN + bound):
        for sql, parameters in statements:
            rows = await _rows(connection, sql, parameters, timeout_ms, whole=whole)
            async with aclosing(rows):
                async for batch in rows:
                    yield batch


async def fetch(
    connection: Connection,
    sql: str,
    parameters: Sequence[Any],
    timeout_ms: int | None,
    schema: pa.Schema,
) -> pa.Table | None:
    """Return the rows of a statement that has been asked before, and is known to read.

    One exchange with the server instead of five: it is prepared, and alone it needs no
    transaction to be of one moment. None where the rows have other columns than `schema`: a
    table may have got more.
    """
    timeout = None if timeout_ms is None else timeout_ms / 1000
    with translated():
        rows = await connection.fetch(sql, *parameters, timeout=timeout)
        if not rows:  # which do not show their columns
            schema = schema_of((await connection.prepare(sql)).get_attributes())
    if rows and list(rows[0].keys()) != schema.names:
        return None
    return pa.Table.from_batches([to_batch(rows, schema)])


async def _rows(
    connection: Connection,
    sql: str,
    parameters: Sequence[Any],
    timeout_ms: int | None,
    *,
    whole: bool,
) -> AsyncGenerator[pa.RecordBatch, None]:
    with translated():
        statement = await connection.prepare(sql)
        _check(statement, parameters)
    if whole and bulk.copyable(statement, sql, parameters):
        return bulk.stream(connection, statement, sql, parameters, timeout_ms)
    return _by_records(statement, parameters)


async def _by_records(
    statement: Any, parameters: Sequence[Any]
) -> AsyncGenerator[pa.RecordBatch, None]:
    with translated():
        cursor = await statement.cursor(*parameters)
        rows = await _fetch(cursor)
    schema = schema_of(statement.get_attributes())
    yield to_batch(rows, schema)
    while len(rows) == BATCH_ROWS:
        with translated():
            rows = await _fetch(cursor)
        if rows:
            yield to_batch(rows, schema)


def _check(statement: Any, parameters: Sequence[Any]) -> None:
    if not statement.get_attributes():
        raise Fatal("the statement returns no rows: it is not a query")
    expected = len(statement.get_parameters())
    if expected != len(parameters):
        raise Fatal(f"the query has {expected} placeholders, and {len(parameters)} values came")


async def _fetch(cursor: asyncpg.cursor.Cursor) -> list[asyncpg.Record]:
    try:
        rows: list[asyncpg.Record] = await cursor.fetch(BATCH_ROWS)
    except asyncpg.ReadOnlySQLTransactionError as exc:
        raise Fatal("only one statement that reads is allowed here") from exc
    return rows
