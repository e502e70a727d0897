"""Whole answers that are asked for in parts: kept a while as they were, so that parts fit together.

Polars, Arrow and DuckDB read a URL so: they ask for its length, and then for stretches of it.
"""

import asyncio
import os
import re
import tempfile
import time
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from hashlib import blake2b
from typing import IO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.api.problems import Problem
from shared.observability import get_logger

KEEP_SECONDS = 60.0
"""How long after it was last asked for."""

MOST_BYTES = 1 << 30
"""Of one answer, in a file; a longer one comes whole only, and its length is not told."""

MOST_KEPT = 4
_READ_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_log = get_logger(__name__)


class Kept:
    """An answer as it was, in a file without a name: gone when nobody reads it any more."""

    def __init__(self, file: IO[bytes], size: int, tag: str) -> None:
        self.size = size
        self.tag = tag
        self.used_at = time.monotonic()
        self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a stretch."""
        while begin < end:
            size = min(_READ_BYTES, end - begin)
            part = await asyncio.to_thread(os.pread, self._file, size, begin)
            begin += len(part)
            yield part


class Ranges:
    """Answers requests for a part or the length of an answer; the last MOST_KEPT are kept."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS) -> None:
        self._keep_seconds = keep_seconds
        self._kept: OrderedDict[tuple[str, str, str], Kept] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def find(self, request: Request, kind: str) -> Kept | None:
        """Return the answer that was kept for who asks for more of it, in some media type.

        Who asks for its length or its end begins to read, and gets an answer of now.
        """
        self._drop_old()
        begins = request.scope.get("head") or request.headers.get("range", "").startswith("bytes=-")
        kept = None if begins else self._kept.get(_name(request, kind))
        if kept is not None:
            kept.used_at = time.monotonic()
        return kept

    async def keep(
        self, request: Request, kind: str, parts: AsyncGenerator[bytes, None]
    ) -> Kept | None:
        """Keep an answer; None where it is too long, or there is no room for files."""
        async with aclosing(parts):
            try:
                kept = await _written(parts)
            except OSError as exc:
                _log.warning("answer_not_kept", reason=exc.strerror or str(exc))
                return None
        if kept is not None:
            self._kept[_name(request, kind)] = kept
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            self._drop_later()
        return kept

    def _drop_old(self) -> None:
        before = time.monotonic() - self._keep_seconds
        for name in [n for n, kept in self._kept.items() if kept.used_at < before]:
            del self._kept[name]

    def _drop_later(self) -> None:
        """Drop in time, though nobody may ask again: files may be large."""
        if self._kept and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._keep_seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._drop_old()
        self._drop_later()


def asks_for_range(request: Request) -> bool:
    """Return whether a request asks for the length of an answer, or for one part of it."""
    given = _RANGE.fullmatch(request.headers.get("range", ""))
    return bool(request.scope.get("head")) or (given is not None and any(given.groups()))


def range_of(kept: Kept, request: Request, headers: Mapping[str, str], kind: str) -> Response:
    """Return the part that is asked for, or all; raises Problem (416) where there is none such."""
    about = {**headers, "Accept-Ranges": "bytes", "ETag": kept.tag}
    given = _RANGE.fullmatch(request.headers.get("range", ""))
    if request.headers.get("if-range", kept.tag) != kept.tag or given is None:
        begin, end, status = 0, kept.size, 200
    else:
        begin, end, status = *_stretch(given[1], given[2], kept.size), 206
        about["Content-Range"] = f"bytes {begin}-{end - 1}/{kept.size}"
    about["Content-Length"] = str(end - begin)
    if request.scope.get("head"):
        return Response(None, status, about, kind)
    return StreamingResponse(kept.read(begin, end), status, about, kind)


def _stretch(first: str, last: str, size: int) -> tuple[int, int]:
    begin = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if begin >= end:
        raise Problem(
            416,
            "no-such-range",
            f"the answer has {size} bytes",
            {"Content-Range": f"bytes */{size}"},
        )
    return begin, end


async def _written(parts: AsyncIterator[bytes]) -> Kept | None:
    size, digest = 0, blake2b(digest_size=16)
    with tempfile.TemporaryFile(buffering=0) as file:
        async for part in parts:
            size += len(part)
            if size > MOST_BYTES:
                return None
            digest.update(part)
            await asyncio.to_thread(_write, file, part)
        return Kept(file, size, f'"{digest.hexdigest()}"')


def _write(file: IO[bytes], part: bytes) -> None:
    rest = memoryview(part)
    while rest:
        rest = rest[file.write(rest) :]


def _name(request: Request, kind: str) -> tuple[str, str, str]:
    """Return which answer is meant, and whose: another reader's may be of another moment."""
    client = request.client.host if request.client else ""
    query = request.scope["query_string"].decode("latin-1")
    return client, f"{request.url.path}?{query}", kind
