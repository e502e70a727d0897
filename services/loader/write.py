"""A chunk decoded and written: waiting while the database is away, halving what it refuses."""

import asyncio
import dataclasses
import datetime as dt
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from services.loader.batch import Chunk
from services.loader.flagged import count_flagged
from shared.database.base import Batch, Database, Reader, Written
from shared.decode import Decoded, Rejected, decode
from shared.errors import Fatal, InvalidRecord, StaleOwner, Transient
from shared.observability import get_logger

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
T = TypeVar("T")
_log = get_logger(__name__)


class Writer:
    """Writes chunks one after the other; tells `on_away` whether the database is away."""

    def __init__(self, database: Database, reader: Reader, on_away: Callable[[bool], None]) -> None:
        self._database = database
        self._reader = reader
        self._on_away = on_away
        self._decoding = asyncio.Lock()

    async def decode(self, chunk: Chunk) -> Decoded:
        """Decode a chunk off the event loop; one at a time, so that the first is soon done."""
        async with self._decoding:
            now = dt.datetime.now(dt.UTC)
            return await asyncio.to_thread(decode, chunk.dataset, chunk.messages, now)

    async def write(self, chunk: Chunk, decoded: Decoded) -> Written:
        """Write a chunk in one transaction; waits as long as the database is away.

        Raises StaleOwner where another owner has moved the offsets. Cancelling while it
        waits writes nothing.
        """
        batch = Batch(self._reader, chunk.dataset, decoded.table, decoded.rejected, chunk.moves)
        try:
            written = await self._persist(batch)
        except InvalidRecord:
            batch = await self._without_refused(chunk, batch)
            written = await self._persist(batch)
        count_flagged(batch)
        return written

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

    async def _without_refused(self, chunk: Chunk, batch: Batch) -> Batch:
        """Move the rows that the server refuses, which it does not name, to the dead letters."""
        refused: list[tuple[int, InvalidRecord]] = []
        await self._find_refused(batch, 0, batch.table.num_rows, refused)
        if not refused:
            raise Fatal("the database refuses a batch, yet none of its rows alone: see its log")
        by_place = {(m.partition, m.offset): m for m in chunk.messages}
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
