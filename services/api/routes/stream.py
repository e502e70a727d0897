"""New versions of a dataset as they are stored, as server-sent events."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from services.api.live import Live, read_place
from services.api.live.response import MEDIA_TYPE, EventStream
from services.api.parameters import no_parameters
from services.api.problems import described, unknown_dataset, wrong_parameter
from shared.registry import Registry

DESCRIPTION = """Each new version within a second of its commit, for as long as you listen.

The stream is the dataset's topic, held back to what is stored, in the order of each of its
partitions: a `version` event for each record that became a version, with the row as its data.
What is seen again unchanged, and what is refused, is none.

**Coming back**: send the last `id` as `Last-Event-ID`, as browsers do by themselves, and nothing
is missed or told twice. Without one the stream begins with what is new. An id also comes alone,
now and then: note it. `410` says that the topic no longer holds what came after it.

**`restart`** says that a partition is read from its beginning again, since the topic is another,
its offsets were reset, or the database was restored; what the new reading makes of it follows.

A reader that takes too little for long is let go, and comes back by its id.
"""

_EXAMPLE = """retry: 2000
id: pE3kbQJ2xkY1W1swLDEsNDJdXQ

id: 4r1XkI6Pv1UzW1swLDEsNDNdXQ
event: version
data: {"series_id":"GDP","date":"2008-07-01","value":14429.2,"as_of":"2008-10-30T23:59:59.999999Z"}

"""

LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "the id that came last, to go on behind it",
    "schema": {"type": "string"},
}


def stream_routes(registry: Registry, live: Live) -> APIRouter:
    """Return the route of live changes."""
    router = APIRouter(prefix="/v1/data", tags=["live"], dependencies=[Depends(no_parameters)])
    parameter: dict[str, Any] = {"parameters": [LAST_EVENT_ID]}

    @router.get(
        "/{dataset}/stream",
        operation_id="streamVersions",
        summary="New versions as they are stored",
        description=DESCRIPTION,
        response_class=Response,
        responses={
            200: {
                "description": "events, without an end",
                "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
            },
            **described(401, 404, 410, 422, 503),
        },
        openapi_extra=parameter,
    )
    async def stream(dataset: str, request: Request) -> Response:
        if dataset not in registry:
            raise unknown_dataset(dataset, registry.names())
        chosen = registry[dataset]
        token, place = request.headers.get("last-event-id", ""), None
        if token:
            try:
                place = read_place(live.topic(chosen), token)
            except ValueError as exc:
                raise wrong_parameter("Last-Event-ID", str(exc)) from exc
        return EventStream(await live.open(chosen, place))

    return router
