"""Reads the long list in a JSON answer piece by piece, so that a large body stays small."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.parsing.body import json_object
from services.fetcher.parsing.columns import column_of, new_columns, texts

PIECE_BYTES = 1024 * 1024
"""How much of a body is turned into Python's objects at a time."""

_BETWEEN = re.compile(rb"\}(\s*,\s*)(?=\{)")
_BETWEEN_NESTED = re.compile(rb"\](?:\s*)\}(\s*,\s*)(?=\{)")
_CLOSING = re.compile(rb"\]\s*,\s*\"")


@dataclass(frozen=True, slots=True)
class Listing:
    """A JSON object with one long list.

    document  the object; only the last items of the list are left in it
    pieces    the items of the list, in order and a piece at a time; to be read once. Raises
              UnreadableAnswer where the body turns out not to be JSON
    warnings  what is odd about the body's form
    """

    document: dict[str, Any]
    pieces: Iterator[list[Any]]
    warnings: list[str]


def read_listing(
    answer: Answer, name: str, *, nested: bool = False, piece_bytes: int = PIECE_BYTES
) -> Listing:
    """Return the JSON object of a body with the list `name` in pieces, whatever the status.

    Where there is no such list, there are no pieces. `nested` says that its items end with a
    list of their own. Raises as `json_object` does. An answer is sound only when all pieces
    were read: nothing of it may be published before.
    """
    cut = _Cut.of(answer.body, name, _BETWEEN_NESTED if nested else _BETWEEN, piece_bytes)
    if cut is None:
        document, odd = json_object(answer)
        return Listing(document, _items(document, name), odd)
    warnings: list[str] = []
    return Listing(cut.document, _pieces(answer, name, cut, warnings), warnings)


def text_columns(
    listing: Listing, names: Sequence[str], known: Sequence[str], what: str
) -> pa.Table:
    """Read a listing to its end and return some fields of its objects, which hold texts.

    A field of the first object that is not among the `known` is warned of. Raises
    UnreadableAnswer that names a field that is missing or holds anything else.
    """
    chunks: dict[str, list[pa.Array]] = {name: [] for name in names}
    for number, piece in enumerate(listing.pieces):
        for name in names:
            chunks[name].append(texts(column_of(piece, name, what), name))
        if number == 0 and piece:
            listing.warnings.extend(new_columns(piece[0], known, what))
    return pa.table({name: pa.chunked_array(chunks[name], pa.string()) for name in names})


@dataclass(frozen=True, slots=True)
class _Cut:
    """A body cut where, as it seems, one item of its list ends and the next begins.

    parts  where each piece begins and ends, but for the last one, which is in the document
    """

    document: dict[str, Any]
    parts: Sequence[tuple[int, int]]

    @classmethod
    def of(
        cls, body: bytes, name: str, between: re.Pattern[bytes], piece_bytes: int
    ) -> "_Cut | None":
        """Return a body cut up; None for a short one, and one that is not of the usual form."""
        key = f'"{name}"'.encode()
        opened = re.search(re.escape(key) + rb"\s*:\s*\[\s*(?=\{)", body)
        if opened is None or len(body) < 2 * piece_bytes:
            return None
        head, begin, parts = body[: opened.end()], opened.end(), []
        while found := between.search(body, begin + piece_bytes):
            if not _lies_within(body, begin, found.start(1)):
                return None
            parts.append((begin, found.start(1)))
            begin = found.end(1)
        rest = body[begin:]
        try:
            outside = orjson.loads(head + b"]}")
            document = orjson.loads(head + rest)
        except orjson.JSONDecodeError:
            return None
        # The list is the object's own, and there is no second one of its name.
        if outside.get(name) != [] or key in rest or not isinstance(document, dict):
            return None
        return cls(document, parts)


def _lies_within(body: bytes, begin: int, end: int) -> bool:
    """Return whether the list goes on after this piece: where it ends, a name would follow."""
    if _CLOSING.search(body, begin, end) is None:
        return True
    try:
        orjson.loads(b"[%b]" % body[begin:end])
    except orjson.JSONDecodeError:
        return False
    return True


def _pieces(answer: Answer, name: str, cut: _Cut, warnings: list[str]) -> Iterator[list[Any]]:
    """Yield the items between cuts; a piece that is whole by itself proves where it was cut."""
    count = 0
    for begin, end in cut.parts:
        try:
            piece = orjson.loads(b"[%b]" % answer.body[begin:end])
        except orjson.JSONDecodeError:
            document, odd = json_object(answer)
            if {**document, name: ()} != {**cut.document, name: ()}:
                raise UnreadableAnswer(
                    f"{name!r} is not laid out as it was: cannot be read"
                ) from None
            warnings.extend(odd)
            yield document[name][count:]
            return
        count += len(piece)
        yield piece
    yield cut.document[name]


def _items(document: dict[str, Any], name: str) -> Iterator[list[Any]]:
    found = document.get(name)
    if isinstance(found, list):
        yield found
