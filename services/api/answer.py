"""Rows as an HTTP answer: a page with its cursor, or a whole table streamed in constant memory."""

import asyncio
from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast
from urllib.parse import urlencode

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.cursor import write_cursor
from services.api.formats import Encoder, slices
from services.api.problems import Problem
from services.api.queries import Query, select_rows
from services.api.reading import Read
from shared.database.base import Database
from shared.errors import EconstreamError
from shared.observability import get_logger

STALL_SECONDS = 60.0
"""How long a reader may take no bytes before it is let go, and its query with it."""

HEADERS = {"Vary": "Accept"}

_INLINE_ROWS = 2_000
"""Rows that are encoded on the event loop: they take about a millisecond, as a thread would."""

_log = get_logger(__name__)

Batches = AsyncGenerator[pa.RecordBatch, None]


async def answer(database: Database, read: Read, request: Request, timeout_ms: int) -> Response:
    """Return the answer to a read; its first rows are in hand when this returns.

    `timeout_ms` bounds the wait for the first rows. Raises Transient while the database is
    away, and Problem for a client of HTTP/1.0 that asks for a whole table: it could not
    tell a broken transfer from a complete one. A stream that fails later breaks off.
    """
    if read.limit is None and request.scope["http_version"] == "1.0":
        raise Problem(
            426,
            "upgrade-required",
            "whole tables are sent over HTTP/1.1 only: upgrade, or give a limit and page",
            {"Upgrade": "HTTP/1.1", "Connection": "Upgrade"},
        )
    query = select_rows(read, database.backend)
    batches = cast("Batches", database.stream(query.sql, query.parameters, timeout_ms=timeout_ms))
    if read.limit is None:
        return StreamedRows(read, await anext(batches), batches)
    page, cursor = await _collect(read, query, read.limit, batches)
    headers = HEADERS | ({"Link": _next_link(request, cursor)} if cursor else {})
    few = sum(batch.num_rows for batch in page) <= _INLINE_ROWS
    body = _encode(read, page, cursor) if few else await to_thread(_encode, read, page, cursor)
    return Response(body, headers=headers, media_type=read.format.media_type)


class StreamedRows(StreamingResponse):
    """All rows, sent as they are read.

    Where the query or the reader fails on the way, the transfer is broken off, so that no
    reader takes a part for the whole.
    """

    def __init__(self, read: Read, first: pa.RecordBatch, rest: Batches) -> None:
        super().__init__(iter(()), headers=HEADERS, media_type=read.format.media_type)
        self._read = read
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.wait([sending, leaving])
        try:
            if not sending.cancelled():
                sending.result()
        except (EconstreamError, TimeoutError) as exc:
            # Returning without the last part makes the server drop the connection.
            _log.error("stream_broken", dataset=self._read.dataset.name, reason=str(exc))

    async def _send(self, send: Send) -> None:
        encoder = self._read.format.encoder(self._read.columns)
        opening = encoder.begin() + await to_thread(_encode_rows, encoder, self._read, self._first)
        status, headers = self.status_code, self.raw_headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await _send_part(send, opening)
        async for batch in self._rest:
            for piece in slices(batch):
                part = await to_thread(_encode_rows, encoder, self._read, piece)
                await _send_part(send, part)
        await _send_part(send, encoder.end(None), more=False)


async def _left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_part(send: Send, body: bytes, *, more: bool = True) -> None:
    if more and not body:
        return
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _collect(
    read: Read, query: Query, limit: int, batches: Batches
) -> tuple[list[pa.RecordBatch], str | None]:
    """Return a page's rows, and the cursor where there are more than it holds."""
    async with aclosing(batches):
        table = pa.Table.from_batches([batch async for batch in batches])
    if table.num_rows <= limit:
        return table.to_batches(), None
    names = [column.name for column in query.columns]
    key = [table.column(names.index(c.name))[limit - 1].as_py() for c in read.key]
    return table.slice(0, limit).to_batches(), write_cursor(read.identity, key)


def _next_link(request: Request, cursor: str) -> str:
    """Return the Link header of the next page: relative, as proxies rewrite hosts and schemes."""
    kept = [item for item in request.query_params.multi_items() if item[0] != "cursor"]
    return f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'


def _encode(read: Read, page: list[pa.RecordBatch], cursor: str | None) -> bytes:
    encoder = read.format.encoder(read.columns)
    rows = [_encode_rows(encoder, read, batch) for batch in page]
    return b"".join([encoder.begin(), *rows, encoder.end(cursor)])


def _encode_rows(encoder: Encoder, read: Read, batch: pa.RecordBatch) -> bytes:
    """Return the rows' bytes: the answer's columns, in the types that were declared."""
    columns = [
        array if array.type == column.kind.arrow else array.cast(column.kind.arrow)
        for array, column in zip(batch.columns, read.columns, strict=False)
    ]
    answered = pa.RecordBatch.from_arrays(columns, [column.name for column in read.columns])
    return b"".join(encoder.rows(piece) for piece in slices(answered))
