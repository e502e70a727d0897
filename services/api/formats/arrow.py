"""Arrow: an IPC stream of record batches, whole unless a limit is given."""

from collections.abc import Sequence

import pyarrow as pa

from services.api.formats.base import Format, arrow_schema
from services.api.formats.sink import Sink
from shared.dataset import Column


class ArrowEncoder:
    """The schema, then each batch as it comes."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._sink = Sink()
        self._schema = arrow_schema(columns)
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, "w"), self._schema)

    def begin(self) -> bytes:
        return self._sink.take()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        self._writer.write_batch(batch.cast(self._schema))
        return self._sink.take()

    def end(self, next_cursor: str | None) -> bytes:
        self._writer.close()
        return self._sink.take()


FORMAT = Format(
    name="arrow",
    media_type="application/vnd.apache.arrow.stream",
    accepts=("application/vnd.apache.arrow.stream",),
    page_rows=None,
    encoder=ArrowEncoder,
    schema={"type": "string", "format": "binary"},
)
