"""JSON in pages: the rows, and the cursor that the next page begins at."""

from collections.abc import Sequence

import orjson
import pyarrow as pa

from services.api.formats.base import Format
from services.api.formats.texts import json_lines
from shared.dataset import Column


class JsonPageEncoder:
    """`{"data": [...], "next_cursor": ...}`; the cursor is null on the last page."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._separator = b""

    def begin(self) -> bytes:
        return b'{"data":['

    def rows(self, batch: pa.RecordBatch) -> bytes:
        separator, self._separator = self._separator, b","
        return separator + json_lines(batch, self._columns, ",")[:-1]

    def end(self, next_cursor: str | None) -> bytes:
        return b'],"next_cursor":' + orjson.dumps(next_cursor) + b"}"


FORMAT = Format(
    name="json",
    media_type="application/json",
    accepts=("application/json",),
    page_rows=1000,
    encoder=JsonPageEncoder,
    schema={
        "type": "object",
        "required": ["data", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": {"type": "object"}},
            "next_cursor": {"type": ["string", "null"]},
        },
    },
    example={
        "data": [
            {
                "series_id": "GDP",
                "date": "2008-07-01",
                "value": 14429.2,
                "as_of": "2008-10-30T23:59:59.999999Z",
            }
        ],
        "next_cursor": None,
    },
)
