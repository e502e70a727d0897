"""The rows of a read: its query, sifted and laid as it asks."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

import pyarrow as pa

from services.api.parameters import MAX_ENTITIES
from services.api.queries import select_entities, select_rows, select_stretches, stretches
from services.api.read import Read
from services.api.sift import sift
from services.api.wide import lay_wide, wide_columns
from shared.database.base import Database
from shared.dataset import Column

Batches = AsyncGenerator[pa.RecordBatch, None]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in batches: the answer's columns, behind them those of the key that it lacks.

    columns   of the answer
    names     of all columns of a batch
    batches   at least one; more than the read's limit where there are more
    """

    columns: tuple[Column, ...]
    names: tuple[str, ...]
    batches: Batches


async def open_rows(database: Database, read: Read, timeout_ms: int) -> Rows:
    """Return the rows of a read, none of which is read yet.

    `timeout_ms` bounds the wait for the first rows. Raises Problem (422) for a wide read of
    too many entities.
    """
    if read.wide is None:
        query = select_rows(read, database.backend)
        names = tuple(column.name for column in query.columns)
        return Rows(read.columns, names, _sifted(database, read, timeout_ms))
    columns = wide_columns(read, await _entities(database, read, timeout_ms))
    laid = lay_wide(read.dataset, columns, _sifted(database, read, timeout_ms))
    return Rows(columns, tuple(column.name for column in columns), laid)


def _sifted(database: Database, read: Read, timeout_ms: int) -> Batches:
    if read.limit is None and database.backend == "duckdb" and read.key[0].name in read.dataset.key:
        batches = _by_stretches(database, read, timeout_ms)
    elif read.limit is None or read.sifted:
        query, whole = select_rows(read, database.backend), read.limit is None
        stream = database.stream(query.sql, query.parameters, timeout_ms=timeout_ms, whole=whole)
        batches = cast("Batches", stream)
    else:
        batches = _few(database, read, timeout_ms)
    return sift(read, batches) if read.assumed else batches


async def _few(database: Database, read: Read, timeout_ms: int) -> Batches:
    """Yield the rows of a page, and of one row more, at once."""
    query = select_rows(read, database.backend)
    yield as_batch(await database.fetch(query.sql, query.parameters, timeout_ms=timeout_ms))


def as_batch(table: pa.Table) -> pa.RecordBatch:
    """Return a table as one batch, also where it has no rows."""
    arrays = [
        column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        for column in table.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


async def _by_stretches(database: Database, read: Read, timeout_ms: int) -> Batches:
    """Yield all rows a part at a time: a columnar database would hold the table to sort it."""
    found = select_stretches(read)
    ends = await database.fetch(found.sql, found.parameters, timeout_ms=timeout_ms)
    parts = stretches(read, ends.column(0).to_pylist())
    first, *then = [
        (query.sql, query.parameters)
        for query in (select_rows(part, database.backend) for part in parts)
    ]
    stream = database.stream(*first, timeout_ms=timeout_ms, whole=True, then=then)
    async with aclosing(cast("Batches", stream)) as batches:
        async for batch in batches:
            yield batch


async def _entities(database: Database, read: Read, timeout_ms: int) -> list[str]:
    """Return the entities that a wide answer has a column for, on every page the same.

    There is one more than may be where there are too many.
    """
    whole, entity = replace(read, after=None), read.dataset.entity
    if not read.assumed:
        query = select_entities(whole, database.backend, MAX_ENTITIES)
        table = await database.fetch(query.sql, query.parameters, timeout_ms=timeout_ms)
        names: list[str] = table.column(0).to_pylist()
        return names
    found: set[str] = set()
    async with aclosing(_sifted(database, whole, timeout_ms)) as batches:
        async for batch in batches:
            found.update(batch.column(entity).unique().to_pylist())
            if len(found) > MAX_ENTITIES:
                break
    return sorted(found)
