"""Query answers from PostgreSQL as Arrow batches, in constant memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pyarrow as pa

from shared.columns import Kind
from shared.database.postgres.session import Connection

BATCH_ROWS = 10_000

_ARROW = {
    "text": pa.string(),
    "varchar": pa.string(),
    "name": pa.string(),
    "bool": pa.bool_(),
    "int2": pa.int32(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float64(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": Kind.TIMESTAMP.arrow,
    "bytea": pa.binary(),
    "text[]": pa.list_(pa.string()),
}


async def stream(
    connection: Connection, sql: str, parameters: Sequence[Any], timeout_ms: int | None
) -> AsyncIterator[pa.RecordBatch]:
    """Yield a query's rows; at least one batch, perhaps empty, so that the schema is known."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if timeout_ms is not None:
            await connection.execute(f"SET LOCAL statement_timeout = {int(timeout_ms)}")
        statement = await connection.prepare(sql)
        schema = pa.schema([(a.name, _arrow_type(a.type)) for a in statement.get_attributes()])
        cursor = await statement.cursor(*parameters)
        rows = await cursor.fetch(BATCH_ROWS)
        yield to_batch(rows, schema)
        while len(rows) == BATCH_ROWS:
            rows = await cursor.fetch(BATCH_ROWS)
            if rows:
                yield to_batch(rows, schema)


def to_batch(rows: Sequence[asyncpg.Record], schema: pa.Schema) -> pa.RecordBatch:
    """Return records as one batch of the schema."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return a column; a type that Arrow has no name for is shown as text."""
    if pa.types.is_string(kind):
        values = [v if v is None or isinstance(v, str) else str(v) for v in values]
    return pa.array(values, kind)


def _arrow_type(kind: asyncpg.types.Type) -> pa.DataType:
    return _ARROW.get(kind.name, pa.string())
