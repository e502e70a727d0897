"""What the refreshes of each source did, the newest first."""

from fastapi import APIRouter, Request, Response

from services.api.answer import answer
from services.api.parameters import documented, items_of
from services.api.problems import described
from services.api.reading import read_request
from services.api.routes.data import UNCHANGED, rows_described
from services.api.view import View
from shared.database.base import Database
from shared.datasets.data_refresh_log import DATASET

VIEW = View(
    dataset=DATASET,
    fields=("run_id", "source", *(c.name for c in DATASET.columns if c.name != "run_id")),
    filters=("source", *DATASET.selectable),
    order=("refresh_time", "run_id"),
    newest_first=True,
)

DESCRIPTION = """One row for each run of a source, the newest first: which source and dataset, when
it began and how long it took, how many records it published, and how it ended.

`status` is `success`; `unchanged`, where the upstream had nothing new; `partial`, where some of
what was asked for could not be had; or `failed`. `error_message` says why, or what was left out.
"""


def refresh_routes(database: Database, timeout_ms: int) -> APIRouter:
    """Return the route of refreshes; `timeout_ms` bounds the wait for a query's first rows."""
    router = APIRouter(prefix="/v1/refreshes", tags=["refreshes"])

    @router.get(
        "",
        operation_id="listRefreshes",
        summary="Refreshes of the sources",
        description=DESCRIPTION,
        response_class=Response,
        responses={200: rows_described(), 304: UNCHANGED, **described(401, 406, 422, 503)},
        openapi_extra={"parameters": documented([VIEW])},
    )
    async def refreshes(request: Request) -> Response:
        read = read_request(VIEW, items_of(request), request.headers.get("accept", ""))
        return await answer(database, read, request, timeout_ms)

    return router
