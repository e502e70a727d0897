"""A request's body, read whole under a cap that counts what it unpacks to, while reading."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, cast

from starlette.requests import ClientDisconnect, Request

from services.api.problems import Problem, unavailable

STALL_SECONDS = 30.0
"""How long a sender may send nothing."""

BODY_SECONDS = 300.0
"""How long a body may take to come, however it drips."""

_GZIP = 16 + zlib.MAX_WBITS


class Room:
    """What all bodies together may hold in memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    @contextmanager
    def taken(self) -> Iterator["Share"]:
        """Lend a share that grows with its body, and is given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self._left += share.size

    def take(self, size: int) -> None:
        """Take bytes; raises Problem (503) where there are not so many."""
        if size > self._left:
            raise unavailable("as many rows are being taken in as memory allows")
        self._left -= size


class Share:
    """One body's part of the room."""

    def __init__(self, room: Room) -> None:
        self.size = 0
        self._room = room

    def grow(self, size: int) -> None:
        """Take more of the room; raises Problem (503)."""
        self._room.take(size)
        self.size += size


async def read_body(request: Request, cap: int, share: Share) -> bytes:
    """Return the body, unpacked where it is gzip; holds `cap` bytes at most.

    Raises Problem: 413 as soon as it proves larger, 408 where nothing comes any more, 415 for
    another coding, 422 where it is not the gzip that it says, 503 where there is no room.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise Problem(
            415, "unsupported-coding", f"bodies are sent plain or as gzip, not {coding[:40]!r}",
            {"Accept-Encoding": "gzip"},
        )  # fmt: skip
    parts = cast("Any", request.stream())
    async with aclosing(parts):
        try:
            return await _read(request, parts, "gzip" in coding, cap, share)
        except ClientDisconnect as exc:
            raise Problem(400, "broken-off", "the body broke off before its end") from exc


async def _read(
    request: Request, parts: AsyncIterator[bytes], packed: bool, cap: int, share: Share
) -> bytes:
    declared = request.headers.get("content-length", "")
    if not packed and declared.isdecimal() and int(declared) > cap:
        raise _too_large(cap)
    body, unpacking = bytearray(), Unpacking(cap) if packed else None
    until = asyncio.get_running_loop().time() + BODY_SECONDS
    async for part in _flowing(parts, until):
        plain = part if unpacking is None else await asyncio.to_thread(unpacking.add, part)
        if len(body) + len(plain) > cap:
            raise _too_large(cap)
        share.grow(len(plain))
        body += plain
    if unpacking is not None:
        unpacking.end()
    return bytes(body)


async def _flowing(parts: AsyncIterator[bytes], until: float) -> AsyncIterator[bytes]:
    """Yield what comes; raises Problem (408) where nothing does, or it takes too long."""
    while True:
        try:
            async with asyncio.timeout_at(
                min(until, asyncio.get_running_loop().time() + STALL_SECONDS)
            ):
                part = await anext(parts, None)
        except TimeoutError as exc:
            reason = f"nothing came for {STALL_SECONDS:g} s, or not all in {BODY_SECONDS:g} s"
            raise Problem(408, "stalled", reason, {"Connection": "close"}) from exc
        if part is None:
            return
        yield part


class Unpacking:
    """Unpacks gzip, of one member or several, and never more than a cap of it."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._left = cap
        self._member: Any = zlib.decompressobj(_GZIP)
        self._begun = False

    def add(self, packed: bytes) -> bytes:
        """Return what some bytes unpack to; raises Problem (413, 422)."""
        plain = bytearray()
        while packed:
            self._begun = True
            try:
                part = self._member.decompress(packed, self._left + 1)
            except zlib.error as exc:
                raise _not_gzip(str(exc)) from exc
            plain += part
            self._left -= len(part)
            if self._left < 0:
                raise _too_large(self._cap)
            packed = self._member.unconsumed_tail
            if self._member.eof:
                packed, self._begun = self._member.unused_data, False
                self._member = zlib.decompressobj(_GZIP)
        return bytes(plain)

    def end(self) -> None:
        """Raise Problem (422) unless the last member has ended."""
        if self._begun:
            raise _not_gzip("it ends in the middle")


def _too_large(cap: int) -> Problem:
    # The connection stays open: closed upon a sender, it may take the answer along.
    reason = f"the body has over {cap} bytes, unpacked: send its rows in several requests"
    return Problem(413, "body-too-large", reason, limit=cap)


def _not_gzip(reason: str) -> Problem:
    return Problem(422, "not-gzip", f"the body is not the gzip that it says: {reason}")
