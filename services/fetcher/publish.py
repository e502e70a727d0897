"""Hands rows to the broker in pieces, each acknowledged before the next is made."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import pyarrow as pa

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
    waiting = pieces(rows, prefix)
    while records := await asyncio.to_thread(next, waiting, None):
        await publisher.publish(records)
    return int(rows.table.num_rows)


def pieces(rows: Rows, prefix: str) -> Iterator[list[Record]]:
    """Yield the records of rows, PIECE_ROWS at a time: each piece is encoded when asked for.

    Blocks. Raises InvalidRecord as `encode` does, which may be after some pieces.
    """
    for start in range(0, rows.table.num_rows, PIECE_ROWS):
        yield list(encode(_piece(rows, start), prefix))


def digest(found: Sequence[Rows]) -> str:
    """Return a digest of what rows say: the same for the same rows in the same order. Blocks.

    One as_of for all rows counts as the time of looking and is left out; a column of them
    belongs to what is said.
    """
    hashed = hashlib.blake2b(digest_size=16)
    for rows in found:
        table = rows.table
        if isinstance(rows.as_of, pa.ChunkedArray):
            table = table.append_column("as_of", rows.as_of)
        hashed.update(rows.dataset.name.encode() + b"\0")
        with pa.ipc.new_stream(_Hashing(hashed.update), table.schema) as stream:
            stream.write_table(table.combine_chunks())
    return hashed.hexdigest()


class _Hashing(io.RawIOBase):
    """A file that is hashed and not kept."""

    def __init__(self, update: Callable[[Any], None]) -> None:
        self._update = update

    def writable(self) -> bool:
        return True

    def write(self, piece: Any, /) -> int:
        self._update(piece)
        return memoryview(piece).nbytes


def _piece(rows: Rows, start: int) -> Rows:
    as_of = rows.as_of
    if as_of is not None and hasattr(as_of, "slice"):
        as_of = as_of.slice(start, PIECE_ROWS)
    return replace(rows, table=rows.table.slice(start, PIECE_ROWS), as_of=as_of)
