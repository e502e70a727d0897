"""How an answer travels: compressed where that is asked for, and not at all where it is held."""

import zlib
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

import pyarrow as pa
import zstandard

from services.api.formats import Encoder

SMALLEST = 1_000
"""Bytes of a page below which compressing it saves nothing."""


class Compressor(Protocol):
    """Compresses the bytes of one answer."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready of the bytes so far."""

    def flush(self) -> bytes:
        """Return what is left, at the end."""


CODINGS: dict[str, Callable[[], Compressor]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=1, wbits=31),
}
"""The codings by name, the better one first."""


class Compressed:
    """An encoder whose bytes are compressed."""

    def __init__(self, encoder: Encoder, compressor: Compressor) -> None:
        self._encoder = encoder
        self._compressor = compressor

    def begin(self) -> bytes:
        return self._compressor.compress(self._encoder.begin())

    def rows(self, batch: pa.RecordBatch) -> bytes:
        return self._compressor.compress(self._encoder.rows(batch))

    def end(self, next_cursor: str | None) -> bytes:
        last = self._compressor.compress(self._encoder.end(next_cursor))
        return last + self._compressor.flush()


def choose_coding(accepted: str) -> str | None:
    """Return the coding that an Accept-Encoding header prefers, None where it names none of ours.

    Nothing is compressed for a client that takes anything (`*`): who asks, names it.
    """
    wanted: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        try:
            wanted[name.strip()] = float(weight.partition("=")[2] or 1)
        except ValueError:
            wanted[name.strip()] = 0.0
    best = max(CODINGS, key=lambda name: wanted.get(name, 0.0))
    return best if wanted.get(best, 0.0) > 0 else None


def compress(body: bytes, coding: str) -> bytes:
    """Return a whole body compressed."""
    compressor = CODINGS[coding]()
    return compressor.compress(body) + compressor.flush()


def tag_of(body: bytes, *said: str | None) -> str:
    """Return the entity tag of a body and of what its headers say.

    It is a weak one: the body means the same however it is compressed.
    """
    digest = blake2b(body, digest_size=16)
    for text in said:
        digest.update(b"\0" + (text or "").encode())
    return f'W/"{digest.hexdigest()}"'


def holds(if_none_match: str, tag: str) -> bool:
    """Return whether an If-None-Match header says that the client holds what the tag names."""
    held = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in held or tag.removeprefix("W/") in held
