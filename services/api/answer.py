"""Rows as an HTTP answer: a page with its cursor, or a whole table streamed in constant memory."""

import asyncio
from asyncio import to_thread
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from urllib.parse import urlencode

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.cursor import write_cursor
from services.api.formats import Encoder, slices
from services.api.parameters import items_of
from services.api.problems import Problem
from services.api.ranges import Ranges, asks_for_range, range_of
from services.api.read import Read
from services.api.rows import Rows, open_rows
from services.api.transfer import (
    CODINGS,
    SMALLEST,
    Compressed,
    choose_coding,
    compress,
    holds,
    tag_of,
)
from shared.database.base import Database
from shared.dataset import Column
from shared.errors import EconstreamError
from shared.observability import get_logger
from shared.record import encode_time

STALL_SECONDS = 60.0
"""How long a reader may take no bytes before it is let go, and its query with it."""

HEADERS = {"Vary": "Accept, Accept-Encoding"}

_INLINE_ROWS = 2_000
"""Rows that are encoded on the event loop: they take about a millisecond, as a thread would."""

_log = get_logger(__name__)


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
    accepted = "" if read.format.packed else request.headers.get("accept-encoding", "")
    coding = choose_coding(accepted)
    if asks_for_range(request) and (read.limit is None or "range" in request.headers):
        return await _range(database, read, request, timeout_ms)
    rows = await open_rows(database, read, timeout_ms)
    if read.limit is None:
        return StreamedRows(read, rows, await anext(rows.batches), coding)
    return await _page(read, rows, request, coding)


async def _page(read: Read, rows: Rows, request: Request, coding: str | None) -> Response:
    assert read.limit is not None
    page, cursor = await _collect(read, rows, read.limit)
    headers = _headers(read) | ({"Link": _next_link(request, cursor)} if cursor else {})
    few = sum(batch.num_rows for batch in page) <= _INLINE_ROWS
    work = partial(_encode, read, rows, page, cursor)
    body = work() if few else await to_thread(work)
    headers["ETag"] = tag_of(body, cursor, str(read.as_of), read.mode)
    if holds(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if coding is not None and len(body) >= SMALLEST:
        headers["Content-Encoding"] = coding
        body = await to_thread(compress, body, coding)
    return Response(body, headers=headers, media_type=read.format.media_type)


async def _range(database: Database, read: Read, request: Request, timeout_ms: int) -> Response:
    """Return a part of an answer, or its length; all of it where it is too long to be kept."""
    store: Ranges = request.app.state.ranges
    kind = read.format.media_type
    kept = store.find(request, kind)
    if kept is None:
        rows = await open_rows(database, read, timeout_ms)
        parts = _whole(read, rows) if read.limit is None else _paged(read, rows, request)
        kept = await store.keep(request, kind, parts)
    if kept is not None:
        return range_of(kept, request, _headers(read), kind)
    rows = await open_rows(database, read, timeout_ms)
    return StreamedRows(read, rows, await anext(rows.batches))


async def _whole(read: Read, rows: Rows) -> AsyncGenerator[bytes, None]:
    streamed = StreamedRows(read, rows, await anext(rows.batches))
    async with aclosing(streamed.parts()) as parts:
        async for part in parts:
            yield part


async def _paged(read: Read, rows: Rows, request: Request) -> AsyncGenerator[bytes, None]:
    yield bytes((await _page(read, rows, request, None)).body)


class StreamedRows(StreamingResponse):
    """All rows, sent as they are read.

    Where the query or the reader fails on the way, the transfer is broken off, so that no
    reader takes a part for the whole.
    """

    def __init__(
        self, read: Read, rows: Rows, first: pa.RecordBatch, coding: str | None = None
    ) -> None:
        headers = _headers(read) | ({"Content-Encoding": coding} if coding else {})
        super().__init__(iter(()), headers=headers, media_type=read.format.media_type)
        self._read = read
        self._coding = coding
        self._columns = rows.columns
        self._first = first
        self._rest = rows.batches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(left(receive))
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

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the answer; the first of them hold the first rows."""
        async with aclosing(self._rest):
            encoder, columns = self._read.format.encoder(self._columns), self._columns
            if self._coding is not None:
                encoder = Compressed(encoder, CODINGS[self._coding]())
            opening = encoder.begin()
            yield opening + await to_thread(_encode_rows, encoder, columns, self._first)
            async for batch in self._rest:
                for piece in slices(batch):
                    yield await to_thread(_encode_rows, encoder, columns, piece)
            yield await to_thread(encoder.end, None)

    async def _send(self, send: Send) -> None:
        status, headers = self.status_code, self.raw_headers
        begun = False
        async with aclosing(self.parts()) as parts:
            async for part in parts:
                if not begun:
                    start = {"type": "http.response.start", "status": status, "headers": headers}
                    await send(start)
                    begun = True
                await send_part(send, part)
        await send_part(send, b"", more=False)


async def left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_part(send: Send, body: bytes, *, more: bool = True) -> None:
    """Send a part, if there is any; raises TimeoutError for a reader that does not take it."""
    if more and not body:
        return
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _collect(read: Read, rows: Rows, limit: int) -> tuple[list[pa.RecordBatch], str | None]:
    """Return a page's rows, and the cursor where there are more than it holds."""
    collected: list[pa.RecordBatch] = []
    async with aclosing(rows.batches):
        async for batch in rows.batches:
            collected.append(batch)
            if sum(part.num_rows for part in collected) > limit:
                break
    table = pa.Table.from_batches(collected)
    if table.num_rows <= limit:
        return table.to_batches(), None
    key = [table.column(rows.names.index(c.name))[limit - 1].as_py() for c in read.key]
    return table.slice(0, limit).to_batches(), write_cursor(read.identity, key)


def _headers(read: Read) -> dict[str, str]:
    """Return the headers of an answer, which say as of when and in which mode it is."""
    if read.as_of is None:
        return HEADERS
    return HEADERS | {"As-Of": encode_time(read.as_of), "As-Of-Mode": read.mode.value}


def _next_link(request: Request, cursor: str) -> str:
    """Return the Link header of the next page: relative, as proxies rewrite hosts and schemes."""
    kept = [item for item in items_of(request) if item[0] != "cursor"]
    return f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'


def _encode(read: Read, rows: Rows, page: list[pa.RecordBatch], cursor: str | None) -> bytes:
    encoder = read.format.encoder(rows.columns)
    parts = [_encode_rows(encoder, rows.columns, batch) for batch in page]
    return b"".join([encoder.begin(), *parts, encoder.end(cursor)])


def _encode_rows(encoder: Encoder, columns: Sequence[Column], batch: pa.RecordBatch) -> bytes:
    """Return the rows' bytes: the answer's columns, in their types or as their texts."""
    arrays = [
        array if array.type in (column.kind.arrow, pa.string()) else array.cast(column.kind.arrow)
        for array, column in zip(batch.columns, columns, strict=False)
    ]
    answered = pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])
    return b"".join(encoder.rows(piece) for piece in slices(answered))
