"""NDJSON: one JSON object a line, whole unless a limit is given."""

from collections.abc import Sequence

import pyarrow as pa

from services.api.formats.base import Format
from services.api.formats.texts import json_lines
from shared.dataset import Column


class NdjsonEncoder:
    """A line for each row and nothing else."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def begin(self) -> bytes:
        return b""

    def rows(self, batch: pa.RecordBatch) -> bytes:
        return json_lines(batch, self._columns, "\n")

    def end(self, next_cursor: str | None) -> bytes:
        return b""


FORMAT = Format(
    name="ndjson",
    media_type="application/x-ndjson",
    accepts=("application/x-ndjson", "application/ndjson", "application/jsonl"),
    page_rows=None,
    encoder=NdjsonEncoder,
    schema={"type": "string"},
    example='{"series_id":"GDP","date":"2008-07-01","value":14429.2,'
    '"as_of":"2008-10-30T23:59:59.999999Z"}\n',
    spelled=True,
)
