"""The rows of a dataset: filtered, as of a moment, in pages or whole."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.api.answer import answer
from services.api.formats import FORMATS
from services.api.parameters import documented
from services.api.problems import described, unknown_dataset
from services.api.reading import read_request
from services.api.view import rows_of
from shared.database.base import Database
from shared.registry import Registry

DESCRIPTION = """Rows in the order of their key.

**Filters**: each key column and what the dataset declares filterable, repeated or comma
separated; a value that holds a comma stands in double quotes. Arrays match where they hold all
the values.

**Columns**: the dataset's fields and `as_of`; `fields` chooses others, lineage included.

**Point in time**: `as_of` gives, for each key, the value known then. A field that makes no
version (the catalogue names them) is the one kept with that version.

**JSON** comes in pages: `next_cursor` is null on the last. **CSV, NDJSON, Parquet and Arrow** (an
IPC stream) come whole unless a limit is given; a cut answer of any format carries
`Link: rel="next"`, and one that fails on the way breaks off.

**CSV** is the same from either database: UTF-8, lines end in a line feed, a header line always;
moments in RFC 3339 with six decimals and Z, true and false, the shortest digits that give the
same number again, arrays as JSON. Null is nothing between the commas, an empty text two quotes; a
null in an answer of one column is two quotes, as readers skip empty lines. Only what must be
quoted is.
"""


def data_routes(registry: Registry, database: Database, timeout_ms: int) -> APIRouter:
    """Return the routes of rows; `timeout_ms` bounds the wait for a query's first rows."""
    router = APIRouter(prefix="/v1/data", tags=["data"])

    @router.get(
        "/{dataset}",
        operation_id="getRows",
        summary="Rows of a dataset",
        description=DESCRIPTION,
        response_class=Response,
        responses={200: rows_described(), **described(401, 404, 406, 422, 503)},
        openapi_extra={"parameters": documented([rows_of(dataset) for dataset in registry])},
    )
    async def data(dataset: str, request: Request) -> Response:
        if dataset not in registry:
            raise unknown_dataset(dataset, registry.names())
        items = request.query_params.multi_items()
        read = read_request(rows_of(registry[dataset]), items, request.headers.get("accept", ""))
        return await answer(database, read, request, timeout_ms)

    return router


def rows_described() -> dict[str, Any]:
    """Return what OpenAPI says of an answer that holds rows."""
    link = {"description": "the next page, where the answer is cut", "schema": {"type": "string"}}
    content = {
        f.accepts[0]: {"schema": dict(f.schema)} | ({"example": f.example} if f.example else {})
        for f in FORMATS.values()
    }
    return {"description": "rows", "headers": {"Link": link}, "content": content}
