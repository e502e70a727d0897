"""How everything stands, in one answer."""

from typing import Any

from fastapi import APIRouter, Depends

from services.api.parameters import no_parameters
from services.api.problems import described
from services.api.status import Status

DESCRIPTION = """Each source with its last refresh and when the next is expected, by the usual time
between them; each dataset with its rows, newest date and `as_of`, the date expected next by its
cadence, how many rows its checks flag, its open dead letters, and the lag.

`lag` is true: committed records on the broker that the store does not hold. Below 0, a partition
ends before what was stored of it: the topic was made anew. Without a broker it is null.
"""

_EXAMPLE = {
    "broker": "ok",
    "lag": 0,
    "sources": [
        {
            "source": "CBOE", "dataset": "cboe_vix_history",
            "last_refresh": "2026-01-02T22:10:00.000000Z", "status": "success", "records": 1,
            "error_message": None, "last_success": "2026-01-02T22:10:00.000000Z",
            "next_refresh": "2026-01-03T22:10:00.000000Z",
        }
    ],
    "datasets": [
        {
            "name": "cboe_vix_history", "cadence": "daily", "rows": 9120,
            "first": "1990-01-02", "last": "2026-01-02",
            "newest_as_of": "2026-01-02T22:09:58.000000Z", "expected_next": "2026-01-05",
            "flagged": {"impossible_candle": 0}, "dead_letters": 0, "dead_letters_by_error": {},
            "lag": 0,
            "partitions": [
                {"partition": 0, "epoch": 1, "stored_offset": 9120, "end_offset": 9120, "lag": 0}
            ],
        }
    ],
}  # fmt: skip


def status_routes(status: Status) -> APIRouter:
    """Return the route."""
    router = APIRouter(
        prefix="/v1/status", tags=["administration"], dependencies=[Depends(no_parameters)]
    )
    content = {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLE}}

    @router.get(
        "",
        operation_id="getStatus",
        summary="How everything stands",
        description=DESCRIPTION,
        responses={
            200: {"description": "as it stands", "content": content},
            **described(401, 403, 422, 429, 503),
        },
    )
    async def document() -> dict[str, Any]:
        return await status.document()

    return router
