"""The door through which programs post rows."""

import datetime as dt
import re
from asyncio import to_thread
from contextlib import AsyncExitStack
from dataclasses import dataclass

import orjson
import structlog
from fastapi import APIRouter, Request, Response

from services.api.ingest.body import Room, read_body
from services.api.ingest.broker import Broker, needing_broker
from services.api.ingest.documented import ACCEPTED, BODY, PARAMETERS
from services.api.ingest.intake import Outcome, take_in
from services.api.ingest.judge import Lot
from services.api.ingest.repeats import Repeats, digest_of, name_of
from services.api.ingest.stored import Stored
from services.api.parameters import items_of
from services.api.problems import described, unknown_dataset, wrong_parameter
from services.api.values import read_as_of
from shared.keys import Key
from shared.moment import MAX_AHEAD
from shared.registry import Registry
from shared.settings import Settings
from shared.tracing import traceparent

BODIES = 4
"""How many of the largest bodies are held at once."""

_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
_SOURCE = re.compile(r"[^\x00-\x1f]{1,100}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

DESCRIPTION = """Rows of a dataset, named by its name or its alias: one JSON object, an array of
them, or one a line (NDJSON); gzip allowed. Each row has exactly the dataset's fields.

The answer comes when the broker has acknowledged every row that holds (202); the others stand in
`rejected`, by their place in the body from 0, with the reason. Where none holds it is 422, and
where the broker does not acknowledge, 503. `offsets` tells the last offset on each partition.

`wait=stored` answers when the store holds them: `stored` is then true, and false where that took
over 30 s, which loses nothing.

With an `Idempotency-Key` the same request within a day is published once, however often it is
sent, and whichever process answers it; another body under the same key is 422.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query of a request says."""

    wait: bool = False
    as_of: dt.datetime | None = None
    source: str | None = None


def ingest_routes(
    registry: Registry, settings: Settings, broker: Broker, stored: Stored
) -> APIRouter:
    """Return the route; rows go to the broker."""
    refused = described(401, 403, 429)
    router = APIRouter(prefix="/v1/data/ingest", tags=["ingest"], responses=refused)
    room = Room(BODIES * settings.api_max_body_bytes)
    repeats = Repeats(broker)

    @router.post(
        "/{source}",
        status_code=202,
        operation_id="ingestRows",
        summary="Post rows",
        description=DESCRIPTION,
        response_class=Response,
        responses={202: ACCEPTED, **described(400, 404, 408, 409, 413, 415, 422, 503)},
        openapi_extra={"parameters": PARAMETERS, "requestBody": BODY},
    )
    async def ingest(source: str, request: Request) -> Response:
        dataset = registry.find(source)
        if dataset is None:
            raise unknown_dataset(source, registry.names())
        now = dt.datetime.now(dt.UTC)
        asked = read_asked(request, now)
        key: Key = request.state.key
        named = asked.source or key.name or key.id
        repeat = _idempotency_key(request)
        async with AsyncExitStack() as closing:
            share = closing.enter_context(room.taken())
            body = await read_body(request, settings.api_max_body_bytes, share)
            attempt = None
            if repeat is not None:
                name = name_of(key.id, dataset.name, repeat)
                digest = await to_thread(digest_of, body, asked.as_of, named)
                with needing_broker("the broker is away, and nothing was published"):
                    attempt = await closing.enter_async_context(
                        repeats.attempt(name, digest, asked.as_of or now)
                    )
            lot = Lot(
                dataset, settings.kafka_topic_prefix, named,
                asked.as_of if attempt is None else attempt.as_of, *_origin(request),
            )  # fmt: skip
            repeated = attempt is not None and attempt.offsets is not None
            kind = request.headers.get("content-type", "")
            outcome = await take_in(broker, lot, body, kind, attempt)
        document = outcome.document()
        if asked.wait:
            document["stored"] = await _stored(outcome)
        headers = {"Idempotency-Replayed": "true"} if repeated else {}
        return Response(orjson.dumps(document), 202, headers, "application/json")

    async def _stored(outcome: Outcome) -> bool:
        cluster = await broker.cluster()
        return await stored.wait(cluster.cluster_id, outcome.topic, outcome.offsets)

    return router


def read_asked(request: Request, now: dt.datetime) -> Asked:
    """Return what the query says; raises Problem (422) for what it cannot mean."""
    given: dict[str, str] = {}
    for name, text in items_of(request):
        if name not in ("wait", "as_of", "source"):
            raise wrong_parameter(
                name, "posting rows takes no such parameter", code="unknown-parameter",
                allowed=["wait", "as_of", "source"],
            )  # fmt: skip
        if name in given:
            raise wrong_parameter(name, "given more than once")
        given[name] = text
    if given.get("wait", "stored") != "stored":
        raise wrong_parameter("wait", "there is one thing to wait for", allowed=["stored"])
    if not _SOURCE.fullmatch(given.get("source", "-")):
        raise wrong_parameter("source", "a source is 1 to 100 characters")
    as_of = _known_since(given["as_of"], now) if "as_of" in given else None
    return Asked("wait" in given, as_of, given.get("source"))


def _known_since(text: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that rows were known from; of a day its end, and never later than now."""
    try:
        moment = read_as_of(text)
    except ValueError as exc:
        raise wrong_parameter("as_of", str(exc)) from exc
    if "T" not in text.upper():
        return min(moment, now)
    if moment > now + MAX_AHEAD:
        raise wrong_parameter("as_of", "it lies over 48 hours ahead")
    return moment


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    shape = _KEY.fullmatch(given[0].strip())
    if len(given) > 1 or shape is None:
        raise wrong_parameter("Idempotency-Key", "one, of 1 to 255 visible ASCII characters")
    return shape[1]


def _origin(request: Request) -> tuple[str, str | None]:
    """Return the run_id and the traceparent that the records carry."""
    trace = request.headers.get("traceparent", "")
    run_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    given = trace if _TRACEPARENT.fullmatch(trace) else None
    return run_id, traceparent() or given
