"""Undoes a body's content encoding piece by piece, so that no bomb and no torn end passes."""

import io
import zlib

from services.fetcher.answer import UnreadableAnswer
from shared.errors import Transient

READABLE = "gzip, deflate"
"""The encodings that are asked for: those that `Content` undoes."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_TELLING = 2
"""The bytes by which gzip, zlib and bare deflate are told apart."""


class Content:
    """A body as it arrives; holds at most `limit` bytes, whatever a piece inflates to.

    As many may come over the wire, so that compressed nothing without end has one too.
    """

    def __init__(self, encoding: str, limit: int, url: str) -> None:
        """Begin a body of an encoding; raises UnreadableAnswer where it cannot be undone."""
        encoding = encoding.strip().lower() or "identity"
        if encoding not in {"identity", "gzip", "x-gzip", "deflate"}:
            raise UnreadableAnswer(f"{url}: the encoding {encoding[:40]!r} was not asked for")
        self._limit = limit
        self._url = url
        # Grows in place and hands its bytes on without copying them.
        self._plain = io.BytesIO()
        self._came = 0
        self._encoded = encoding != "identity"
        self._head = b""
        self._inflating: zlib._Decompress | None = None

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises UnreadableAnswer as soon as the body is over the limit, Transient where the
        encoding is broken.
        """
        self._came += len(piece)
        if self._came > self._limit:
            raise self._too_large()
        if not self._encoded:
            self._keep(piece)
            return
        piece, self._head = self._head + piece, b""
        while piece:
            if self._inflating is None or self._inflating.eof:
                if len(piece) < _TELLING:
                    self._head = piece
                    return
                self._inflating = self._opened(piece)
            room = self._limit + 1 - self._plain.tell()
            try:
                self._keep(self._inflating.decompress(piece, room))
            except zlib.error as exc:
                raise Transient(f"{self._url}: the body's compression is broken") from exc
            piece = self._inflating.unconsumed_tail or self._inflating.unused_data

    def whole(self) -> bytes:
        """Return the body; raises Transient where its compression ends too early."""
        if self._head or (self._inflating is not None and not self._inflating.eof):
            raise Transient(f"{self._url}: the compressed body is truncated")
        return self._plain.getvalue()

    def _keep(self, plain: bytes) -> None:
        if self._plain.tell() + len(plain) > self._limit:
            raise self._too_large()
        self._plain.write(plain)

    def _too_large(self) -> UnreadableAnswer:
        return UnreadableAnswer(f"{self._url}: the body is over {self._limit:,} bytes")

    @staticmethod
    def _opened(piece: bytes) -> "zlib._Decompress":
        # Some servers send deflate without its two bytes of header.
        bare = piece[:2] != b"\x1f\x8b" and piece[0] & 0x0F != zlib.DEFLATED
        return zlib.decompressobj(-zlib.MAX_WBITS if bare else _GZIP_OR_ZLIB)
