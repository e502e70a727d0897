"""Lays rows wide, in constant memory: a row for each time, a column for each entity."""

from asyncio import to_thread
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.api.parameters import MAX_ENTITIES
from services.api.problems import wrong_parameter
from services.api.read import Read
from shared.dataset import Column, Dataset

Batches = AsyncGenerator[pa.RecordBatch, None]

_CELLS = 1 << 20
"""Cells of one batch at most, unless a single row has more."""


def wide_columns(read: Read, entities: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a wide answer.

    Raises Problem (422) where there are too many entities, or one is called like the time.
    """
    assert read.wide is not None
    entity = read.dataset.entity
    if len(entities) > MAX_ENTITIES:
        reason = f"over {MAX_ENTITIES:,} columns: filter by {entity}"
        raise wrong_parameter("wide", reason)
    if read.columns[0].name in entities:
        reason = f"a {entity} is called {read.columns[0].name}, as the time is: filter by {entity}"
        raise wrong_parameter("wide", reason)
    value = read.wide
    comment = f"{value.name} of this {entity}"
    return read.columns + tuple(
        replace(value, name=name, comment=comment, nullable=True) for name in entities
    )


async def lay_wide(dataset: Dataset, columns: Sequence[Column], batches: Batches) -> Batches:
    """Yield rows of the columns given from rows of time, value and entity in order of time.

    Entities without a column are left out. Closes what it reads from.
    """
    laying = Laying(dataset, columns)
    async with aclosing(batches):
        yield laying.empty()
        async for batch in batches:
            for part in await to_thread(list, laying.rows(batch)):
                yield part
        if laying.held is not None:
            for part in await to_thread(list, laying.rest()):
                yield part


class Laying:
    """Lays batches wide; the rows of the last time are held, as more of it may come."""

    def __init__(self, dataset: Dataset, columns: Sequence[Column]) -> None:
        self._entity = dataset.entity
        self._time, self._columns = columns[0], columns
        self._names = pa.array([column.name for column in columns[1:]], pa.string())
        self._schema = pa.schema([pa.field(c.name, c.kind.arrow, c.nullable) for c in columns])
        self.held: pa.Table | None = None

    def empty(self) -> pa.RecordBatch:
        """Return no rows, which tell the types."""
        return self._batch([pa.nulls(0, field.type) for field in self._schema])

    def rows(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all times but the last."""
        table = pa.Table.from_batches([batch])
        if self.held is not None:
            table = pa.concat_tables([self.held, table])
        if not table.num_rows:
            return
        times = table.column(self._time.name).combine_chunks()
        last = pc.equal(times, times[-1])
        complete = pc.index(last, True).as_py()
        self.held = table.slice(complete)
        yield from self._lay(table.slice(0, complete))

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Yield the row of the last time."""
        if self.held is not None:
            yield from self._lay(self.held)

    def _lay(self, table: pa.Table) -> Iterator[pa.RecordBatch]:
        if not table.num_rows:
            return
        times = table.column(self._time.name).combine_chunks()
        distinct, codes = _runs(times)
        found = pc.index_in(table.column(self._entity), self._names).combine_chunks()
        values = table.column(table.column_names[1]).combine_chunks()
        most = max(_CELLS // max(len(self._names), 1), 1)
        for first in range(0, len(distinct), most):
            part = distinct[first : first + most]
            begin, end = np.searchsorted(codes, [first, first + len(part)])
            rows = codes[begin:end] - first
            yield self._matrix(part, rows, found[begin:end], values[begin:end])

    def _matrix(
        self, times: pa.Array, rows: np.ndarray, entities: pa.Array, values: pa.Array
    ) -> pa.RecordBatch:
        """Return a batch whose cells are taken from the values, null where there is none."""
        known = entities.is_valid().to_numpy(zero_copy_only=False)
        columns = entities.fill_null(0).to_numpy()[known]
        where = np.full((len(self._names), len(times)), -1, np.int64)
        where[columns, rows[known]] = np.flatnonzero(known)
        empty = where < 0
        cells = [
            values.take(pa.array(places, mask=missing))
            for places, missing in zip(where, empty, strict=True)
        ]
        return self._batch([times, *cells])

    def _batch(self, arrays: list[pa.Array]) -> pa.RecordBatch:
        cast = [a.cast(field.type) for a, field in zip(arrays, self._schema, strict=True)]
        return pa.RecordBatch.from_arrays(cast, schema=self._schema)


def _runs(times: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the times, each once, and for each row the number of its own."""
    encoded = times.dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy()
