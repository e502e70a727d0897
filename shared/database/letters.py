"""A refused message as a row of dead_letters: everything needed to see it and to try it again."""

import base64
import datetime as dt
import json
from typing import Any

import pyarrow as pa

from shared.database.base import Batch
from shared.database.tables import DEAD_LETTERS
from shared.decode import Rejected
from shared.record import Headers

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

LETTER_SCHEMA = pa.schema(
    [
        (column.name, column.kind.arrow)
        for column in DEAD_LETTERS.columns
        if column.name not in ("id", "created_at", "resolved_at", "resolution")
    ]
)


def letter_table(batch: Batch) -> pa.Table:
    """Return one row for each refused message, in LETTER_SCHEMA."""
    rows = [_letter(batch, rejected) for rejected in batch.rejected]
    return pa.Table.from_pylist(rows, LETTER_SCHEMA)


def _letter(batch: Batch, rejected: Rejected) -> dict[str, Any]:
    message, error = rejected.message, rejected.error
    return {
        "cluster_id": batch.reader.cluster_id,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "dataset": batch.dataset.name,
        "message_timestamp": _moment(message.timestamp_ms),
        "as_of": rejected.as_of,
        "key": message.key,
        "value": message.value,
        "headers": encode_headers(message.headers),
        "error_code": _storable(error.code),
        "reason": _storable(error.reason),
        "field": _storable(error.field) if error.field else None,
        "attempts": 1,
    }


def encode_headers(headers: Headers) -> str:
    """Return headers as a JSON array of [name, base64 of the value], which loses nothing."""
    return json.dumps([[name, base64.b64encode(value).decode()] for name, value in headers])


def _moment(timestamp_ms: int) -> dt.datetime | None:
    """Return a message's timestamp; brokers say -1 where it has none."""
    if timestamp_ms < 0:
        return None
    try:
        return _EPOCH + dt.timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return None


def _storable(text: str) -> str:
    """Return a text that every database takes; a reason may quote what an attacker wrote."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
