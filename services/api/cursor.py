"""Opaque cursors: where a page ended, bound to the query that it was a page of."""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from services.api.values import read_value
from shared.dataset import Column
from shared.record import encode_time

_SUM_BYTES = 9


def write_cursor(query: str, key: Sequence[Any]) -> str:
    """Return the cursor of a page that ended with this key; `query` names what was asked."""
    payload = json.dumps([_spelled(value) for value in key], separators=(",", ":")).encode()
    return _texted(_checksum(query, payload) + payload)


def read_cursor(query: str, columns: Sequence[Column], cursor: str) -> tuple[Any, ...]:
    """Return the key that a page ended with.

    Raises ValueError for a cursor that is made up, or that another query gave.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("not a cursor that this API gave") from exc
    payload = raw[_SUM_BYTES:]
    # Of a last character some bits say nothing: only as it was given is it a cursor.
    if raw[:_SUM_BYTES] != _checksum(query, payload) or cursor != _texted(raw):
        raise ValueError("not a cursor that this API gave for this query: begin without one")
    texts = json.loads(payload)
    return tuple(read_value(c.kind, text) for c, text in zip(columns, texts, strict=True))


def _texted(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checksum(query: str, payload: bytes) -> bytes:
    """Guards against mistakes, not against malice: a forged cursor only names another key."""
    return blake2b(payload, digest_size=_SUM_BYTES, key=blake2b(query.encode()).digest()).digest()


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return encode_time(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)
