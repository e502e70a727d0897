"""The loopback door of a running `up`: what other commands ask of the database that it holds."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import Any, cast

import pyarrow as pa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from services.cli.access.key_desk import KeyDesk
from shared.control.values import from_json
from shared.database.base import Database, Reader
from shared.errors import EX_CONFIG, EX_FAILED, ConfigError, EconstreamError, Transient
from shared.keys import Pepper
from shared.registry import Registry
from shared.serving import listening

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 4 << 20

Answer = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def open_door(
    database: Database, registry: Registry, token: str, pepper: Callable[[], Pepper]
) -> AsyncIterator[str]:
    """Answer on a free port of the loopback while the block runs; yields the address."""
    app = door_app(_Answers(database, registry, KeyDesk(database, pepper)), token)
    async with listening(app, LOOPBACK, 0) as listener:
        yield listener.address


def door_app(answers: "_Answers", token: str) -> Starlette:
    """Return the application: it reads, and writes schema, offsets, resolutions and keys alone."""
    expected = f"Bearer {token}".encode()

    def route(path: str, method: str, answer: Answer) -> Route:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not secrets.compare_digest(given, expected):
                return _problem(401, "the token is not that of up.json", EX_FAILED)
            try:
                return await answer(request)
            except _IllegibleError as exc:
                return _problem(400, f"the question cannot be read: {exc}", EX_FAILED)
            except EconstreamError as exc:
                return _refusal(exc)

        return Route(path, guarded, methods=[method])

    return Starlette(
        routes=[
            route("/query", "POST", answers.query),
            route("/schema", "GET", answers.check_schema),
            route("/schema", "POST", answers.apply_schema),
            route("/positions", "GET", answers.positions),
            route("/positions", "POST", answers.reset_offsets),
            route("/dead-letters/discard", "POST", answers.discard_letters),
            route("/keys", "GET", answers.list_keys),
            route("/keys", "POST", answers.create_key),
            route("/keys/revoke", "POST", answers.revoke_key),
        ]
    )


class _Answers:
    """What the door answers, each from the one database."""

    def __init__(self, database: Database, registry: Registry, keys: KeyDesk) -> None:
        self._database = database
        self._registry = registry
        self._keys = keys

    async def query(self, request: Request) -> Response:
        with _legible():
            asked = json.loads(await _body(request))
            sql, parameters = str(asked["sql"]), from_json(asked.get("parameters", []))
        batches = self._database.stream(sql, parameters)
        # Before the first batch every error is still an answer of its own.
        first = await anext(batches)
        return StreamingResponse(_arrow(first, batches), media_type=_ARROW)

    async def check_schema(self, _request: Request) -> Response:
        return JSONResponse(await self._database.check_schema(self._registry))

    async def apply_schema(self, _request: Request) -> Response:
        return JSONResponse(await self._database.apply_schema(self._registry))

    async def positions(self, request: Request) -> Response:
        with _legible():
            reader = Reader(**request.query_params) if request.query_params else None
        return JSONResponse([asdict(each) for each in await self._database.positions(reader)])

    async def reset_offsets(self, request: Request) -> Response:
        with _legible():
            asked = json.loads(await _body(request))
            reader = Reader(str(asked["cluster_id"]), str(asked["group_id"]))
            targets = [(str(t), int(p), int(offset)) for t, p, offset in asked["targets"]]
        positions = await self._database.reset_offsets(reader, targets)
        return JSONResponse([asdict(each) for each in positions])

    async def discard_letters(self, request: Request) -> Response:
        with _legible():
            ids = [int(each) for each in json.loads(await _body(request))]
        return JSONResponse(await self._database.discard_letters(ids))

    async def list_keys(self, _request: Request) -> Response:
        return JSONResponse(await self._keys.listed())

    async def create_key(self, request: Request) -> Response:
        with _legible():
            return JSONResponse(await self._keys.create(json.loads(await _body(request))))

    async def revoke_key(self, request: Request) -> Response:
        with _legible():
            identity = str(json.loads(await _body(request)))
        return JSONResponse(await self._keys.revoke(identity))


_ARROW = "application/vnd.apache.arrow.stream"


class _IllegibleError(Exception):
    """What was asked is not of the form it should be."""


@contextmanager
def _legible() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError) as exc:
        raise _IllegibleError(str(exc)) from exc


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(f"it is longer than {MAX_BODY_BYTES} bytes")
    return body


async def _arrow(
    first: pa.RecordBatch, rest: AsyncIterator[pa.RecordBatch]
) -> AsyncIterator[bytes]:
    """Yield an IPC stream, a batch at a time; an error breaks it off before its end mark."""
    pipe = _Pipe()
    try:
        with pa.ipc.new_stream(pipe, first.schema) as writer:
            writer.write_batch(first)
            yield pipe.taken()
            async for batch in rest:
                writer.write_batch(batch)
                yield pipe.taken()
        yield pipe.taken()
    finally:
        await cast("Any", rest).aclose()


class _Pipe:
    """Where the writer of an IPC stream puts its bytes until they are sent."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Hold nothing back that `taken` would not give."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _refusal(exc: EconstreamError) -> Response:
    if isinstance(exc, Transient):
        return _problem(503, str(exc), EX_FAILED)
    return _problem(422, str(exc), EX_CONFIG if isinstance(exc, ConfigError) else EX_FAILED)


def _problem(status: int, detail: str, exit_status: int) -> Response:
    body = {"status": status, "detail": detail, "exit_status": exit_status}
    return JSONResponse(body, status, media_type="application/problem+json")
