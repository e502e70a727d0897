"""A body taken apart into the JSON of its rows, byte for byte: what they hold the law judges."""

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice

from services.api.problems import Problem
from shared.law import MAX_VALUE_BYTES

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_BLANKS = re.compile(rb"[ \t\r\n]*")
_LINES = ("ndjson", "jsonl", "json-lines", "json-seq", "jsonlines")
_REFUSED = re.compile(r"text/(csv|html|xml)|multipart/|application/(xml|vnd\.|x-protobuf)")
# Only where each element ends is wanted, not what it is.
_ELEMENT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
MAX_ROWS = 1_000_000
"""Rows of one body."""

_FEW = 10_000
_WINDOW_BYTES = MAX_VALUE_BYTES + 1_000
"""What is read as text at once: the longest row that any dataset takes."""


def split_rows(body: bytes, content_type: str) -> Iterator[bytes]:
    """Yield each row's JSON, in constant memory beside the body.

    A body is an array, one object, or an object a line (NDJSON, empty lines passed over), as
    its first character tells; a content type that names NDJSON or something else is believed.
    Raises Problem: 415 for another content type, 422 where an array cannot be taken apart, 413
    for more than MAX_ROWS. CPU work, for a thread.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if _REFUSED.match(kind):
        raise Problem(
            415, "unsupported-media-type",
            f"rows are sent as JSON or NDJSON, not {kind[:60]!r}",
            {"Accept": "application/json, application/x-ndjson"},
        )  # fmt: skip
    body = body.removeprefix(_BOM)
    first = body[:64].lstrip()[:1] or body.lstrip()[:1]
    if not any(name in kind for name in _LINES):
        if first == b"[":
            return _whole_array(body)
        if first == b"{" and _is_one(body):
            return iter([body.strip()])
    if body.count(b"\n") > MAX_ROWS:
        raise _too_many()
    return _lines(body)


def _lines(body: bytes) -> Iterator[bytes]:
    begin, size = 0, len(body)
    while begin < size:
        end = body.find(b"\n", begin)
        end = size if end < 0 else end
        if line := body[begin:end].strip():
            yield line
        begin = end + 1


def _is_one(body: bytes) -> bool:
    """Return whether a body that begins with an object holds nothing else."""
    try:
        text = body[:_WINDOW_BYTES].decode(errors="strict")
        _, end = _ELEMENT.raw_decode(text, _past(text, 0))
    except (ValueError, RecursionError):
        # Which of its lines are wrong, the law tells.
        return False
    rest = _BLANKS.match(body, len(text[:end].encode()))
    return rest is not None and rest.end() == len(body)


def _whole_array(body: bytes) -> Iterator[bytes]:
    """Return an array's elements when it is sure that it can be taken apart to its end."""
    elements = _elements(body)
    few = list(islice(elements, _FEW))
    if len(few) < _FEW:
        return iter(few)
    if len(few) + sum(1 for _ in elements) > MAX_ROWS:
        raise _too_many()
    return _elements(body)


def _elements(body: bytes) -> Iterator[bytes]:
    window = _Window(body, body.index(b"[") + 1)
    if window.next() == "]":
        return window.end()
    while True:
        yield window.element()
        found = window.next()
        if found == "]":
            return window.end()
        if found != ",":
            raise _broken(f"neither a comma nor a bracket at byte {window.place}")
        window.past()


class _Window:
    """A stretch of a body as text, moved along: reading JSON holds all other threads up."""

    def __init__(self, body: bytes, begin: int) -> None:
        self._body = body
        self._text, self._begin, self._at, self._last = "", begin, 0, False
        self._move(begin)

    @property
    def place(self) -> int:
        """Where it stands in the body, in bytes."""
        return self._begin + len(self._text[: self._at].encode())

    def next(self) -> str:
        """Go to the next character that is no blank and return it, nothing at the end."""
        self._at = _past(self._text, self._at)
        while self._at == len(self._text) and not self._last:
            self._move(self.place)
            self._at = _past(self._text, 0)
        return self._text[self._at : self._at + 1]

    def past(self) -> None:
        """Go behind the character that stands here."""
        self._at += 1

    def element(self) -> bytes:
        """Return the JSON value that comes next, and go behind it."""
        self.next()
        found = self._element()
        if found is None and self._at:
            self._move(self.place)
            found = self._element()
        if found is None:
            raise _broken(f"no JSON at byte {self.place}, or over {_WINDOW_BYTES} bytes of it")
        return found

    def end(self) -> None:
        """Raise Problem unless the bracket that stands here is the last character."""
        self.past()
        if self.next():
            raise _broken(f"something after the array's end, at byte {self.place}")

    def _element(self) -> bytes | None:
        try:
            _, end = _ELEMENT.raw_decode(self._text, self._at)
        except RecursionError as exc:
            raise _broken(f"nested too deeply at byte {self.place}") from exc
        except ValueError:
            return None
        if not (self._last or self._text[end : end + 3].strip(".eE+-")):
            return None  # what may be a number goes on in the next window
        begin, self._at = self._at, end
        return self._text[begin:end].encode()

    def _move(self, begin: int) -> None:
        part = self._body[begin : begin + _WINDOW_BYTES]
        self._begin, self._at = begin, 0
        self._last = begin + len(part) == len(self._body)
        try:
            self._text, _ = codecs.utf_8_decode(part, "strict", self._last)
        except UnicodeDecodeError as exc:
            raise _broken(f"invalid UTF-8 at byte {begin + exc.start}") from exc


def _past(text: str, at: int) -> int:
    """Return where the next character stands that is no blank."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _too_many() -> Problem:
    reason = f"the body has over {MAX_ROWS:,} rows: send them in several requests"
    return Problem(413, "too-many-rows", reason, limit=MAX_ROWS)


def _broken(reason: str) -> Problem:
    return Problem(
        422, "not-json", f"the array cannot be taken apart: {reason}; nothing was published",
        accepted=0, rejected=[],
    )  # fmt: skip
