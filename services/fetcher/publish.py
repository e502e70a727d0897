"""Hands rows to the broker in pieces, each acknowledged before the next is made."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from shared.record import Record, Rows, encode

PIECE_ROWS = 20_000
"""Rows that are encoded at a time: bounds memory, whatever the size of an answer."""


class Publisher(Protocol):
    """Whoever takes records: the producer of shared.kafka, or nobody in a dry run."""

    async def publish(self, records: Iterable[Record], /) -> object:
        """Return when every record is acknowledged; raise Transient where the broker is away."""


class DryRun:
    """Takes records and publishes none of them."""

    async def publish(self, records: Iterable[Record], /) -> object:
        return sum(1 for _ in records)


async def publish_rows(publisher: Publisher, rows: Rows, prefix: str) -> int:
    """Publish all rows and return how many, when the broker has acknowledged every one.

    Raises what the publisher raises; some rows may be published then. Cancelling leaves the
    rest unpublished.
    """
    for start in range(0, rows.table.num_rows, PIECE_ROWS):
        records = await asyncio.to_thread(_encode, _piece(rows, start), prefix)
        await publisher.publish(records)
    return int(rows.table.num_rows)


def _piece(rows: Rows, start: int) -> Rows:
    as_of = rows.as_of
    if as_of is not None and hasattr(as_of, "slice"):
        as_of = as_of.slice(start, PIECE_ROWS)
    table = rows.table.slice(start, PIECE_ROWS)
    return Rows(rows.dataset, table, as_of, rows.source, rows.run_id)


def _encode(rows: Rows, prefix: str) -> list[Record]:
    return list(encode(rows, prefix))
