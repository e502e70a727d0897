"""Rows judged by their dataset's law, many at once, and made the records that carry them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any

from shared.dataset import Dataset
from shared.decode import decode
from shared.messages import Headers, Messages
from shared.record import Record, Rows, encode

SLICE_ROWS = 10_000
LARGEST_RECORD = 1_000_000
"""Bytes; brokers take records of a megabyte unless they are told otherwise."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What the rows of one request have in common: where they go, and what is said of them."""

    dataset: Dataset
    prefix: str
    source: str
    as_of: dt.datetime | None
    run_id: str | None = None
    traceparent: str | None = None


@dataclass(slots=True)
class Verdict:
    """A slice's records, and its refused rows by their place in the body, from 0."""

    records: list[Record] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


def judge_slices(lot: Lot, values: Iterator[bytes]) -> Iterator[Verdict]:
    """Yield the verdict on each SLICE_ROWS rows; CPU work, for a thread."""
    first = 0
    while part := list(islice(values, SLICE_ROWS)):
        yield judge(lot, part, first)
        first += len(part)


def judge(lot: Lot, values: Sequence[bytes], first: int = 0) -> Verdict:
    """Return the records of the rows that the law accepts, as canonical JSON, and the others."""
    now = dt.datetime.now(dt.UTC)
    decoded = decode(lot.dataset, _messages(values, now), now)
    rejected: list[dict[str, Any]] = [
        {"index": first + each.message.offset, "field": each.error.field, "reason": str(each.error)}
        for each in decoded.rejected
    ]
    table = decoded.table.select(lot.dataset.arrow_schema.names)
    rows = Rows(lot.dataset, table, lot.as_of, lot.source, lot.run_id, lot.traceparent)
    records = list(encode(rows, lot.prefix))
    if sum(map(len, values)) > LARGEST_RECORD and any(map(_is_large, records)):
        places = decoded.table["kafka_offset"].to_pylist()
        reason = f"the row has over {LARGEST_RECORD} bytes"
        rejected += [
            {"index": first + place, "field": None, "reason": reason}
            for place, record in zip(places, records, strict=True)
            if _is_large(record)
        ]
        records = [record for record in records if not _is_large(record)]
        rejected.sort(key=itemgetter("index"))
    return Verdict(records, rejected)


def _is_large(record: Record) -> bool:
    return len(record.value or b"") + len(record.key or b"") > LARGEST_RECORD


def _messages(values: Sequence[bytes], now: dt.datetime) -> Messages:
    """Return values as messages whose offset is their place."""
    count = len(values)
    stamps = [int(now.timestamp() * 1000)] * count
    headers: list[Headers] = [()] * count
    places = list(range(count))
    return Messages.of_columns("", [0] * count, places, stamps, [None] * count, values, headers)
