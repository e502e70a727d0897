"""CSV: canonical, the same bytes from either database, whole unless a limit is given."""

from collections.abc import Sequence

import pyarrow as pa

from services.api.formats.base import Format
from services.api.formats.texts import csv_lines, quoted
from shared.dataset import Column


class CsvEncoder:
    """A header line, then a line for each row, ended by a line feed."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def begin(self) -> bytes:
        names = pa.chunked_array([[column.name for column in self._columns]], pa.string())
        return (",".join(quoted(names).to_pylist()) + "\n").encode()

    def rows(self, batch: pa.RecordBatch) -> bytes:
        return csv_lines(batch, self._columns)

    def end(self, next_cursor: str | None) -> bytes:
        return b""


FORMAT = Format(
    name="csv",
    media_type="text/csv; charset=utf-8",
    accepts=("text/csv",),
    page_rows=None,
    encoder=CsvEncoder,
    schema={"type": "string"},
    example="series_id,date,value,as_of\nGDP,2008-07-01,14429.2,2008-10-30T23:59:59.999999Z\n",
    spelled=True,
)
