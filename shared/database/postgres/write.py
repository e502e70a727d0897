"""One batch into PostgreSQL, in one transaction that begins with the offsets."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import asyncpg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

from shared.columns import Kind
from shared.database.base import Batch, Reader, Written
from shared.database.fold import ByKey, Key, by_key
from shared.database.letters import LETTER_COLUMNS, letter_rows
from shared.database.plan import Plan, plan
from shared.database.sql import INTRICATE, Statements, listed, quote
from shared.dataset import BOOKKEEPING
from shared.errors import StaleOwner

LOCK_TIMEOUT = "2s"

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

_MOVE = """UPDATE consumer_offsets SET next_offset = $7, last_timestamp = $8, last_crc32 = $9,
updated_at = now() WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
AND epoch = $5 AND next_offset = $6"""


async def write_batch(connection: Connection, batch: Batch) -> Written:
    """Write a batch; the caller gives a connection outside any transaction.

    Raises StaleOwner, and whatever asyncpg raises; nothing is written then.
    """
    folded = await asyncio.to_thread(by_key, batch) if batch.table.num_rows else None
    payload = await asyncio.to_thread(encode_binary, folded.incoming) if folded else b""
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await _move_offsets(connection, batch)
        written = Written()
        if folded is not None:
            written = await _merge(connection, folded, payload)
        written.dead_letters = await _put_letters(connection, batch)
    return written


def encode_binary(table: pa.Table) -> bytes:
    """Return a table as a stream of PostgreSQL's binary COPY."""
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    parts = [encoder.write_header()]
    parts += [encoder.write_batch(part) for part in table.combine_chunks().to_batches()]
    return b"".join([*parts, encoder.finish()])


async def _move_offsets(connection: Connection, batch: Batch) -> None:
    reader: Reader = batch.reader
    for move in sorted(batch.moves, key=lambda m: (m.start.topic, m.start.partition)):
        start, end = move.start, move.end
        status = await connection.execute(
            _MOVE, reader.cluster_id, reader.group_id, start.topic, start.partition, start.epoch,
            start.next_offset, end.next_offset, end.last_timestamp_ms, end.last_crc32,
        )  # fmt: skip
        if status != "UPDATE 1":
            raise StaleOwner(
                f"{start.topic}/{start.partition} was moved on from offset {start.next_offset} "
                "by another loader of this group"
            )


async def _merge(connection: Connection, folded: ByKey, payload: bytes) -> Written:
    dataset, statements = folded.dataset, Statements(folded.dataset)
    await _copy(connection, statements.incoming_name, statements, payload)
    total = folded.incoming.num_rows
    if not dataset.versioned:
        inserted = _count(await connection.execute(statements.insert_new(lock=True)))
        changed = _count(await connection.execute(statements.overwrite)) if inserted < total else 0
        unchanged = folded.rows.num_rows - inserted - changed
        return Written(inserted=inserted, updated=changed, unchanged=unchanged)
    plain = total - folded.repeated
    written = Written()
    if plain:
        written.inserted = _count(await connection.execute(statements.insert_new(lock=True)))
    late: list[Key] = []
    rest = plain - written.inserted
    if rest:
        written.confirmed = _count(await connection.execute(statements.confirm))
        rest -= written.confirmed
    if rest:
        written.revisions = _count(await connection.execute(statements.archive))
        if written.revisions:
            written.updated = _count(await connection.execute(statements.replace))
        rest -= written.updated
    if rest:
        late = [tuple(row) for row in await connection.fetch(statements.late)]
        written.unchanged = rest - len(late)
    records = folded.records() if folded.repeated else {}
    if late:
        records |= folded.records(late)
    if records:
        _add(written, await _absorb(connection, folded, statements, records))
    return written


async def _absorb(
    connection: Connection,
    folded: ByKey,
    statements: Statements,
    records: dict[Key, list[dict[str, Any]]],
) -> Written:
    """Apply the rule of versions to the keys that SQL left to it, their rows locked."""
    dataset = folded.dataset
    await connection.execute(_temp_table(statements, statements.keys_name, dataset.key))
    await connection.copy_records_to_table(
        statements.keys_name, records=sorted(records), columns=dataset.key
    )
    await connection.execute(statements.lock_keys)
    stored = await connection.fetch(statements.runs)
    now = await connection.fetchval("SELECT now()")
    changes = await asyncio.to_thread(plan, dataset, records, stored, now)
    await _carry_out(connection, statements, changes)
    return changes.written


async def _carry_out(connection: Connection, statements: Statements, changes: Plan) -> None:
    columns, dataset = statements.stored_columns, statements.dataset
    rest = [name for name in columns if name not in dataset.key]
    if changes.delete_revision:
        await connection.executemany(statements.delete_revision, changes.delete_revision)
    for table, rows in (
        (dataset.revisions, changes.insert_revision),
        (dataset.name, changes.insert_current),
    ):
        if rows:
            records = [tuple(row[name] for name in columns) for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=columns)
    if changes.update_current:
        parameters = [
            tuple(row[n] for n in (*rest, *dataset.key)) for row in changes.update_current
        ]
        await connection.executemany(statements.update_current, parameters)


async def _copy(connection: Connection, table: str, statements: Statements, payload: bytes) -> None:
    columns = statements.incoming_columns
    await connection.execute(_temp_table(statements, table, columns))
    await connection.copy_to_table(
        table, source=io.BytesIO(payload), columns=columns, format="binary"
    )


def _temp_table(statements: Statements, name: str, columns: Sequence[str]) -> str:
    """Return the statement for a connection's own table, emptied at each commit."""
    kinds = {c.name: c.kind.postgres for c in (*statements.dataset.stored, *BOOKKEEPING)}
    kinds[INTRICATE] = Kind.BOOLEAN.postgres
    body = ", ".join(f"{quote(column)} {kinds[column]}" for column in columns)
    return f"CREATE TEMP TABLE IF NOT EXISTS {quote(name)} ({body}) ON COMMIT DELETE ROWS"


def _count(status: str) -> int:
    """Return the number of rows from a command's status, such as `INSERT 0 5`."""
    return int(status.rsplit(" ", 1)[1])


def _add(written: Written, more: Written) -> None:
    for counter in fields(Written):
        total = getattr(written, counter.name) + getattr(more, counter.name)
        setattr(written, counter.name, total)


async def _put_letters(connection: Connection, batch: Batch) -> int:
    if not batch.rejected:
        return 0
    marks = ", ".join(f"${n}" for n in range(1, len(LETTER_COLUMNS) + 1))
    await connection.executemany(
        f"INSERT INTO dead_letters ({listed(LETTER_COLUMNS)}) VALUES ({marks}) "
        'ON CONFLICT (cluster_id, topic, partition, "offset") DO NOTHING',
        letter_rows(batch),
    )
    return len(batch.rejected)
