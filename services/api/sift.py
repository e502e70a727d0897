"""Sifts what a query answers, batch by batch: what must have been known, and each one's newest."""

import datetime as dt
from asyncio import to_thread
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.api.read import Read
from shared.dataset import Dataset

Batches = AsyncGenerator[pa.RecordBatch, None]
KnownAt = Callable[[Mapping[str, Any]], dt.datetime | None]


async def sift(read: Read, batches: Batches) -> Batches:
    """Yield the rows that an assumed read counts as known, where asked the newest of each entity.

    The first batch comes, perhaps empty, as it tells the types. Closes what it reads from.
    """
    newest = Newest(read.dataset.entity) if read.view.newest else None
    async with aclosing(batches):
        first = True
        async for batch in batches:
            kept = await to_thread(_keep, read, batch)
            kept = newest.of(kept) if newest else kept
            if kept.num_rows or first:
                yield kept
            first = False


def _keep(read: Read, batch: pa.RecordBatch) -> pa.RecordBatch:
    known_at, moment = read.dataset.known_at, read.as_of
    assert known_at is not None and moment is not None, "an assumed read was checked for both"
    observed = pc.less_equal(batch.column("as_of"), pa.scalar(moment, pa.timestamp("us", "UTC")))
    if pc.all(observed, min_count=0).as_py():
        return batch
    kept = observed.to_numpy(zero_copy_only=False).copy()
    unsure = np.flatnonzero(~kept)
    rows = rows_of(read.dataset, batch.take(pa.array(unsure)))
    kept[unsure] = [(known := known_at(row)) is not None and known <= moment for row in rows]
    return batch.filter(pa.array(kept))


def rows_of(dataset: Dataset, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the fields of stored rows as `known_at` reads them."""
    rows: list[dict[str, Any]] = batch.select([c.name for c in dataset.columns]).to_pylist()
    return rows


class Newest:
    """Keeps the first row of each entity, of rows that come entity by entity."""

    def __init__(self, entity: str) -> None:
        self._entity = entity
        self._last: Any = None

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows whose entity is not that of the row before."""
        if not batch.num_rows:
            return batch
        entities = batch.column(self._entity)
        before = pa.concat_arrays([pa.array([self._last], entities.type), entities[:-1]])
        self._last = entities[-1].as_py()
        return batch.filter(pc.fill_null(pc.not_equal(entities, before), True))
