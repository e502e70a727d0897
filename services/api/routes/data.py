"""The rows of a dataset: filtered, as of a moment, in pages or whole."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from services.api.answer import answer
from services.api.formats import FORMATS
from services.api.parameters import documented, items_of
from services.api.problems import described, unknown_dataset
from services.api.read import Mode
from services.api.reading import read_request
from services.api.view import View, latest_of, rows_of
from shared.database.base import Database
from shared.dataset import Dataset
from shared.registry import Registry

DESCRIPTION = """Rows in the order of their key.

**Filters**: each key column and what the dataset declares filterable, repeated or comma
separated; a value that holds a comma stands in double quotes. Arrays match where they hold all
the values.

**Columns**: the dataset's fields and `as_of`; `fields` chooses others, lineage included.

**Point in time**: `as_of` gives, for each key, the value known then, and the headers `As-Of` and
`As-Of-Mode` say so. A field that makes no version (the catalogue names them) is the one kept with
that version. `as_of_mode=assumed` believes that the first value fetched of a key was known from
when the dataset says it must have been. `release=first` gives what was known first,
`revisions=true` every version with the span in which it was known.

**Wide**: a row for each time and a column for each entity, of the one column that `fields` names.

**JSON** comes in pages: `next_cursor` is null on the last. **CSV, NDJSON, Parquet and Arrow** (an
IPC stream) come whole unless a limit is given; a cut answer of any format carries
`Link: rel="next"`, and one that fails on the way breaks off. `HEAD` tells the length, and `Range`
gives a part of what `HEAD`, or the first such request, has found; both make the whole answer first.

**CSV** is the same from either database: UTF-8, lines end in a line feed, a header line always;
moments in RFC 3339 with six decimals and Z, true and false, the shortest digits that give the
same number again, arrays as JSON. Null is nothing between the commas, an empty text two quotes; a
null in an answer of one column is two quotes, as readers skip empty lines. Only what must be
quoted is.
"""


UNCHANGED = {"description": "the page is what If-None-Match names"}

LATEST = """Of the rows that the filters choose, the newest of each entity, which the first column
of the key names; rows come in its order. Filters, columns, formats and pages are those of all rows.
`as_of` gives the newest that was known then; with `end`, the newest up to a time.
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
        responses={200: rows_described(), 304: UNCHANGED, **described(401, 404, 406, 422, 503)},
        openapi_extra={"parameters": documented([rows_of(dataset) for dataset in registry])},
    )
    async def data(dataset: str, request: Request) -> Response:
        return await answered(rows_of, dataset, request)

    @router.get(
        "/{dataset}/latest",
        operation_id="getLatest",
        summary="The newest row of each entity",
        description=LATEST,
        response_class=Response,
        responses={200: rows_described(), 304: UNCHANGED, **described(401, 404, 406, 422, 503)},
        openapi_extra={"parameters": documented([latest_of(dataset) for dataset in registry])},
    )
    async def latest(dataset: str, request: Request) -> Response:
        return await answered(latest_of, dataset, request)

    async def answered(view: Callable[[Dataset], View], name: str, request: Request) -> Response:
        if name not in registry:
            raise unknown_dataset(name, registry.names())
        accept = request.headers.get("accept", "")
        read = read_request(view(registry[name]), items_of(request), accept)
        return await answer(database, read, request, timeout_ms)

    return router


def rows_described() -> dict[str, Any]:
    """Return what OpenAPI says of an answer that holds rows."""
    link = {"description": "the next page, where the answer is cut", "schema": {"type": "string"}}
    content = {
        f.accepts[0]: {"schema": dict(f.schema)} | ({"example": f.example} if f.example else {})
        for f in FORMATS.values()
    }
    moment = {"description": "where as_of is given, that moment", "schema": {"type": "string"}}
    mode = {"description": "how it was meant", "schema": {"enum": list(Mode)}}
    tag = {"description": "of a page; send it as If-None-Match", "schema": {"type": "string"}}
    headers = {"Link": link, "ETag": tag, "As-Of": moment, "As-Of-Mode": mode}
    return {"description": "rows", "headers": headers, "content": content}
