"""A refused message as a row of dead_letters: everything needed to see it and to try it again."""

import base64
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from shared.database.base import Batch
from shared.database.sql import listed, quote
from shared.database.steps import Append, Execute, Load, Steps
from shared.database.tables import DEAD_LETTERS
from shared.decode import Rejected
from shared.record import Headers, Record, encode_time

DEAD_LETTER_ID = "dead_letter_id"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)

_NOT_INCOMING = ("id", "created_at", "resolved_at", "resolution")
_KINDS = {column.name: column.kind.arrow for column in DEAD_LETTERS.columns}

LETTER_SCHEMA = pa.schema(
    [(name, kind) for name, kind in _KINDS.items() if name not in _NOT_INCOMING]
)
_INCOMING = LETTER_SCHEMA.append(pa.field("replay_of", pa.int64()))
_REPLAYED = pa.schema([(name, _KINDS[name]) for name in ("id", "topic", "key", "value")])

_SAME = (
    "d.topic = i.topic AND d.key IS NOT DISTINCT FROM i.key "
    "AND d.value IS NOT DISTINCT FROM i.value"
)
"""A message may say that it repeats any letter; it counts where it is the same."""

_TRIED_AGAIN = f"""UPDATE dead_letters AS d SET attempts = d.attempts + 1,
error_code = i.error_code, reason = i.reason, field = i.field
FROM incoming_letters AS i WHERE d.id = i.replay_of AND {_SAME}"""

_RESOLVE = f"""UPDATE dead_letters AS d SET resolved_at = now(), resolution = 'replayed'
FROM replayed_letters AS i WHERE d.id = i.id AND {_SAME} AND d.resolved_at IS NULL"""

_PLACE = listed(DEAD_LETTERS.unique)
_INSERT = f"""INSERT INTO dead_letters ({listed(LETTER_SCHEMA.names)}, created_at)
SELECT {listed(LETTER_SCHEMA.names)}, now() FROM incoming_letters AS i
WHERE i.replay_of IS NULL
OR NOT EXISTS (SELECT 1 FROM dead_letters AS d WHERE d.id = i.replay_of AND {_SAME})
ORDER BY {_PLACE} ON CONFLICT ({_PLACE}) DO NOTHING"""

_AT_ONE_PLACE = " AND ".join(f"d.{quote(n)} = i.{quote(n)}" for n in DEAD_LETTERS.unique)
_MOVE_OVER = f"""UPDATE dead_letters AS d SET cluster_id = d.cluster_id || '~' || d.id
FROM incoming_letters AS i WHERE {_AT_ONE_PLACE}
AND NOT ({_SAME} AND d.message_timestamp IS NOT DISTINCT FROM i.message_timestamp)"""
"""A topic made anew has other records at the same offsets; neither's letter may be lost."""

_DISCARD = """UPDATE dead_letters SET resolved_at = now(), resolution = 'discarded'
WHERE resolved_at IS NULL AND id IN (SELECT unnest($1::bigint[]))"""


def put_letters(batch: Batch, *, straight: bool) -> Steps[int]:
    """Yield the steps that keep what was refused; return how many messages that were.

    A message that repeats a letter makes none of its own: the letter has been tried once more.
    Where `straight`, letters are taken for new ones: that is quick, and raises Overtaken where
    it is wrong.
    """
    letters = letter_table(batch)
    made_anew = any(move.start.epoch > 1 for move in batch.moves)
    if straight and not batch.replayed and not made_anew:
        yield Append(DEAD_LETTERS.name, letters.select(LETTER_SCHEMA.names))
        return len(batch.rejected)
    yield Load("incoming_letters", letters)
    again: int = (yield Execute(_TRIED_AGAIN)) if batch.replayed else 0
    if made_anew:
        yield Execute(_MOVE_OVER)
    stored: int = yield Execute(_INSERT)
    return again + stored


def resolve_letters(batch: Batch) -> Steps[None]:
    """Yield the steps that resolve the letters whose repetition is stored with the batch."""
    refused = {(each.message.partition, each.message.offset) for each in batch.rejected}
    rows = {
        letter: {"id": letter, "topic": message.topic, "key": message.key, "value": message.value}
        for letter, message in batch.replayed
        if (message.partition, message.offset) not in refused
    }
    if rows:
        yield Load("replayed_letters", pa.Table.from_pylist(list(rows.values()), _REPLAYED))
        yield Execute(_RESOLVE)


def discard(ids: Sequence[int]) -> Steps[int]:
    """Yield the step that resolves letters nobody wants to try again; return how many it was."""
    count: int = yield Execute(_DISCARD, (list(ids),))
    return count


def replay_record(letter: Mapping[str, Any]) -> Record:
    """Return the record that tries a letter again, given a row of dead_letters.

    Topic, key, bytes, headers and timestamp are the message's; `as_of` is what it was then, and
    `dead_letter_id` names the letter.
    """
    replaced = {DEAD_LETTER_ID: str(letter["id"]).encode()}
    if letter["as_of"] is not None:
        replaced["as_of"] = encode_time(letter["as_of"]).encode()
    kept = [(n, v) for n, v in decode_headers(letter["headers"]) if n not in replaced]
    sent = letter["message_timestamp"]
    return Record(
        letter["topic"],
        letter["key"],
        letter["value"],
        (*kept, *replaced.items()),
        None if sent is None else (sent - _EPOCH) // _MILLISECOND,
    )


def letter_table(batch: Batch) -> pa.Table:
    """Return one row for each refused message, in LETTER_SCHEMA and with the letter it repeats."""
    repeats = {(message.partition, message.offset): letter for letter, message in batch.replayed}
    rows = [
        _letter(batch, rejected)
        | {"replay_of": repeats.get((rejected.message.partition, rejected.message.offset))}
        for rejected in batch.rejected
    ]
    return pa.Table.from_pylist(rows, _INCOMING)


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
    # Kafka knows headers without a value, whatever our type says: to us it is an empty one.
    given: Iterable[tuple[str, bytes | None]] = headers
    return json.dumps([[name, base64.b64encode(value or b"").decode()] for name, value in given])


def decode_headers(text: str) -> Headers:
    """Return the headers that `encode_headers` wrote down."""
    return tuple((name, base64.b64decode(value)) for name, value in json.loads(text))


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
