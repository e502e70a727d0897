"""A refused message as a row of dead_letters: everything needed to see it and to try it again."""

import base64
import datetime as dt
import json
from typing import Any

from shared.database.base import Batch
from shared.record import Headers

LETTER_COLUMNS = (
    "cluster_id",
    "topic",
    "partition",
    "offset",
    "dataset",
    "message_timestamp",
    "as_of",
    "key",
    "value",
    "headers",
    "error_code",
    "reason",
    "field",
    "attempts",
)


def letter_rows(batch: Batch) -> list[tuple[Any, ...]]:
    """Return one row for each refused message, in the order of LETTER_COLUMNS."""
    return [
        (
            batch.reader.cluster_id,
            rejected.message.topic,
            rejected.message.partition,
            rejected.message.offset,
            batch.dataset.name,
            _moment(rejected.message.timestamp_ms),
            rejected.as_of,
            rejected.message.key,
            rejected.message.value,
            encode_headers(rejected.message.headers),
            _storable(rejected.error.code),
            _storable(rejected.error.reason),
            _storable(rejected.error.field) if rejected.error.field else None,
            1,
        )
        for rejected in batch.rejected
    ]


def encode_headers(headers: Headers) -> str:
    """Return headers as a JSON array of [name, base64 of the value], which loses nothing."""
    return json.dumps([[name, base64.b64encode(value).decode()] for name, value in headers])


def _moment(timestamp_ms: int) -> dt.datetime | None:
    try:
        return dt.datetime.fromtimestamp(timestamp_ms / 1000, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _storable(text: str) -> str:
    """Return a text that every database takes; a reason may quote what an attacker wrote."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
