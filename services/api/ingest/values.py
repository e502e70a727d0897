"""A body taken apart into the JSON of its rows, byte for byte: what they hold the law judges."""

import json
import re
from collections.abc import Iterator
from itertools import islice

from services.api.problems import Problem

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_LINES = ("ndjson", "jsonl", "json-lines", "json-seq", "jsonlines")
_REFUSED = re.compile(r"text/(csv|html|xml)|multipart/|application/(xml|vnd\.|x-protobuf)")
# Only where each element ends is wanted, not what it is.
_ELEMENT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)
MAX_ROWS = 1_000_000
"""Rows of one body."""

_FEW = 10_000
_OBJECT_BYTES = 2 << 20


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
        text = body[:_OBJECT_BYTES].decode(errors="strict")
        _, end = _ELEMENT.raw_decode(text, _past(text, 0))
    except (ValueError, RecursionError):
        # Which of its lines are wrong, the law tells.
        return False
    return not body[len(text[:end].encode()) :].strip()


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
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise _broken(f"invalid UTF-8 at byte {exc.start}") from exc
    at = _past(text, text.index("[") + 1)
    if text[at : at + 1] == "]":
        return _end(text, at)
    while True:
        begin = at
        try:
            _, end = _ELEMENT.raw_decode(text, begin)
        except RecursionError as exc:
            raise _broken(f"nested too deeply at character {begin}") from exc
        except ValueError as exc:
            raise _broken(f"no JSON at character {begin}") from exc
        yield text[begin:end].encode()
        at = _past(text, end)
        if text[at : at + 1] == "]":
            return _end(text, at)
        if text[at : at + 1] != ",":
            raise _broken(f"neither a comma nor a bracket at character {at}")
        at = _past(text, at + 1)


def _end(text: str, at: int) -> None:
    if _past(text, at + 1) != len(text):
        raise _broken(f"something after the array's end, at character {at + 1}")


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
