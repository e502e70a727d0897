"""The steps of a transaction carried out on one PostgreSQL connection."""

import asyncio
import io
from typing import Any

import asyncpg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

from shared.columns import Kind
from shared.database.sql import quote
from shared.database.steps import Execute, Load, Select, Step, Steps

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

LOCK_TIMEOUT = "2s"
_TYPES = {kind.arrow: kind.postgres for kind in Kind if kind is not Kind.IDENTITY}
_TYPES[Kind.TEXT.arrow] += ' COLLATE "C"'  # sorts as the keys of the tables do


async def transact(connection: Connection, steps: Steps) -> Any:
    """Carry out steps in one transaction and return their outcome.

    Whatever the steps or the server raise rolls back. A lock that is not had within
    LOCK_TIMEOUT raises asyncpg.LockNotAvailableError.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        answer: Any = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = await _carry_out(connection, step)


def encode_binary(table: pa.Table) -> bytes:
    """Return a table as a stream of PostgreSQL's binary COPY."""
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    parts = [encoder.write_header()]
    parts += [encoder.write_batch(part) for part in table.combine_chunks().to_batches()]
    return b"".join([*parts, encoder.finish()])


async def _carry_out(connection: Connection, step: Step) -> Any:
    match step:
        case Execute(sql, parameters):
            status = await connection.execute(sql, *parameters)
            return int(status.rsplit(" ", 1)[1])
        case Select(sql, parameters):
            return await connection.fetch(sql, *parameters)
        case Load(name, rows):
            payload = await asyncio.to_thread(encode_binary, rows)
            await connection.execute(_temp_table(name, rows.schema))
            await connection.copy_to_table(
                name, source=io.BytesIO(payload), columns=rows.column_names, format="binary"
            )
            return 0


def _temp_table(name: str, schema: pa.Schema) -> str:
    """Return the statement for a table of the connection's own, emptied at each commit."""
    body = ", ".join(f"{quote(field.name)} {_TYPES[field.type]}" for field in schema)
    return f"CREATE TEMP TABLE IF NOT EXISTS {quote(name)} ({body}) ON COMMIT DELETE ROWS"
