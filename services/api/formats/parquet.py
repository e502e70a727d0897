"""Parquet: a file of row groups, whole unless a limit is given."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from services.api.formats.base import Format, arrow_schema
from services.api.formats.sink import Sink
from shared.columns import Kind
from shared.dataset import Column

GROUP_ROWS = 65_536
GROUP_BYTES = 16 << 20
"""A row group is held until it is written; readers want them large, memory wants them small."""

_TEXTS_AT = {Kind.TEXT: "", Kind.TEXTS: ".list.element"}
"""Kinds of column that hold texts, and where below the column's name these lie in a file."""


class ParquetEncoder:
    """Row groups of GROUP_ROWS rows, or GROUP_BYTES, and the footer at the end."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._sink = Sink()
        self._schema = arrow_schema(columns)
        # Figures and days seldom repeat: looking for those that do takes longer than all the rest.
        repeating = [c.name + _TEXTS_AT[c.kind] for c in columns if c.kind in _TEXTS_AT]
        self._writer = pq.ParquetWriter(
            self._sink, self._schema, compression="snappy", use_dictionary=repeating
        )
        self._held: list[pa.RecordBatch] = []

    def begin(self) -> bytes:
        return self._sink.take()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        self._held.append(batch.cast(self._schema))
        rows = sum(held.num_rows for held in self._held)
        if rows >= GROUP_ROWS or sum(held.nbytes for held in self._held) >= GROUP_BYTES:
            self._write_group()
        return self._sink.take()

    def end(self, next_cursor: str | None) -> bytes:
        if self._held:
            self._write_group()
        self._writer.close()
        return self._sink.take()

    def _write_group(self) -> None:
        group = pa.Table.from_batches(self._held, self._schema)
        self._held.clear()
        self._writer.write_table(group, row_group_size=group.num_rows)


FORMAT = Format(
    name="parquet",
    media_type="application/vnd.apache.parquet",
    accepts=("application/vnd.apache.parquet", "application/x-parquet"),
    page_rows=None,
    encoder=ParquetEncoder,
    schema={"type": "string", "format": "binary"},
    packed=True,
)
