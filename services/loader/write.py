"""A chunk decoded and written: waiting while the database is away, halving what it refuses."""

import asyncio
import dataclasses
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from services.loader.batch import Chunk
from services.loader.flagged import count_flagged
from services.loader.halts import Halt
from services.loader.quarantine import Quarantine
from services.loader.stops import Part, before, newer_schemas, offsets_of, schema_halt
from shared.database.base import Batch, Database, Move, Position, Reader, Written
from shared.decode import Decoded, Rejected, decode
from shared.errors import Fatal, InvalidRecord, StaleOwner, Transient
from shared.kafka import TopicPartition
from shared.messages import as_columns
from shared.observability import get_logger
from shared.record import Message
from shared.tracing import is_tracing, span

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
_TRACE = "traceparent"
T = TypeVar("T")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a chunk.

    records  how many of its messages were read
    moves    how far its partitions were stored
    halts    partitions that must not be read on, though the chunk went on
    """

    written: Written
    records: int
    moves: Sequence[Move]
    halts: Sequence[Halt]
    ended_early: bool


class Writer:
    """Writes chunks one after the other; tells `on_away` whether the database is away."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        quarantine: Quarantine,
        on_away: Callable[[bool], None],
    ) -> None:
        self._database = database
        self._reader = reader
        self._quarantine = quarantine
        self._on_away = on_away
        self._decoding = asyncio.Lock()

    async def decode(self, chunk: Chunk) -> Decoded:
        """Decode a chunk off the event loop; one at a time, so that the first is soon done."""
        async with self._decoding:
            now = dt.datetime.now(dt.UTC)
            return await asyncio.to_thread(decode, chunk.dataset, chunk.messages, now)

    async def write(self, chunk: Chunk, decoded: Decoded) -> Stored:
        """Write a chunk in one transaction; waits as long as the database is away.

        Of a partition that has to pause in it, what lies before that point is written. Raises
        StaleOwner where another owner has moved the offsets. Cancelling while it waits writes
        nothing.
        """
        with (
            structlog.contextvars.bound_contextvars(**_place(chunk)),
            span(
                f"store {chunk.dataset.name}",
                kind="consumer",
                parents=_parents(chunk.messages) if is_tracing() else (),
                messaging__system="kafka",
                messaging__batch__message_count=len(chunk.messages),
                partitions=tuple(move.start.partition for move in chunk.moves),
                offsets=tuple(move.start.next_offset for move in chunk.moves),
            ),
        ):
            return await self._written(chunk, decoded)

    async def _written(self, chunk: Chunk, decoded: Decoded) -> Stored:
        newer = newer_schemas(chunk, decoded)
        ends = await self._ends(chunk, decoded, newer)
        part = before(chunk, decoded, ends)
        batch = Batch(
            self._reader, chunk.dataset, part.table, part.rejected, part.moves, part.replayed
        )
        try:
            written = await self._persist(batch)
        except InvalidRecord:
            batch = await self._without_refused(part.messages, batch)
            written = await self._persist(batch)
        letters = offsets_of(batch.rejected)
        self._quarantine.add(letters)
        count_flagged(batch)
        halts = [
            schema_halt(chunk, position)
            for position in _positions(chunk, part)
            if newer.get(position.partition) == position.next_offset
        ]
        full = any(map(self._quarantine.is_full, letters))
        return Stored(written, len(part.messages), part.moves, halts, bool(ends) or full)

    async def _ends(
        self, chunk: Chunk, decoded: Decoded, newer: Mapping[int, int]
    ) -> dict[int, int]:
        """Return the offsets at which partitions must end."""
        refused = offsets_of(before(chunk, decoded, newer).rejected)
        if self._too_many(refused):
            # Some may have been resolved meanwhile.
            await self._while_away(partial(self._quarantine.load, refused))
        return dict(newer) | self._too_many(refused)

    def _too_many(self, refused: Mapping[TopicPartition, Sequence[int]]) -> dict[int, int]:
        found = {tp.partition: self._quarantine.end_of(tp, at) for tp, at in refused.items()}
        return {partition: end for partition, end in found.items() if end is not None}

    async def _persist(self, batch: Batch) -> Written:
        again = False

        async def attempt() -> Written:
            nonlocal again
            first, again = not again, True
            return await self._write(batch, first=first)

        return await self._while_away(attempt)

    async def _while_away(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until the database is there, ever more seldom."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                outcome = await attempt()
            except Transient as exc:
                self._on_away(True)
                _log.warning("the database is away; waiting", reason=str(exc), pause=pause)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self._on_away(False)
                return outcome

    async def _write(self, batch: Batch, *, first: bool) -> Written:
        """Write a batch, unless an earlier attempt did and its answer was lost with the server."""
        try:
            return await self._database.write(batch)
        except StaleOwner:
            stored = [] if first else await self._database.positions(self._reader)
            if stored and all(move.end in stored for move in batch.moves):
                return Written(dead_letters=len(batch.rejected))
            raise

    async def _without_refused(self, messages: Sequence[Message], batch: Batch) -> Batch:
        """Move the rows that the server refuses, which it does not name, to the dead letters."""
        refused: list[tuple[int, InvalidRecord]] = []
        await self._find_refused(batch, 0, batch.table.num_rows, refused)
        if not refused:
            raise Fatal("the database refuses a batch, yet none of its rows alone: see its log")
        by_place = {(m.partition, m.offset): m for m in messages}
        gone = {row for row, _ in refused}
        rejected = list(batch.rejected)
        for row, error in refused:
            found = batch.table.slice(row, 1).to_pylist()[0]
            message = by_place[(found["kafka_partition"], found["kafka_offset"])]
            rejected.append(Rejected(message, error, found["as_of"]))
        kept = [row for row in range(batch.table.num_rows) if row not in gone]
        return dataclasses.replace(batch, table=batch.table.take(kept), rejected=rejected)

    async def _find_refused(
        self, batch: Batch, start: int, rows: int, refused: list[tuple[int, InvalidRecord]]
    ) -> None:
        """Try ever smaller parts, each in a transaction that is rolled back."""
        part = dataclasses.replace(batch, table=batch.table.slice(start, rows), rejected=())
        try:
            await self._while_away(partial(self._database.rehearse, part))
        except InvalidRecord as error:
            if rows == 1:
                refused.append((start, error))
                return
            await self._find_refused(batch, start, rows // 2, refused)
            await self._find_refused(batch, start + rows // 2, rows - rows // 2, refused)


def _place(chunk: Chunk) -> dict[str, Any]:
    """Return what a log line says of where a chunk is from; offsets are those it begins at."""
    starts = [move.start for move in chunk.moves]
    if len(starts) == 1:
        [at] = starts
        return {"topic": at.topic, "partition": at.partition, "offset": at.next_offset}
    return {
        "topic": starts[0].topic if starts else None,
        "partition": [at.partition for at in starts],
        "offset": [at.next_offset for at in starts],
    }


def _parents(messages: Sequence[Message]) -> list[str]:
    """Return the different values of traceparent in the headers of messages."""
    # Records that were published together share their headers, as the same object.
    shared = {id(headers): headers for headers in as_columns(messages).headers}
    values = (value for headers in shared.values() for name, value in headers if name == _TRACE)
    return list(dict.fromkeys(value.decode("ascii", "replace") for value in values))


def _positions(chunk: Chunk, part: Part) -> Iterable[Position]:
    """Return where the partitions of a chunk stand after a part of it was written."""
    moved = {move.start.partition: move.end for move in part.moves}
    for move in chunk.moves:
        yield moved.get(move.start.partition, move.start)
