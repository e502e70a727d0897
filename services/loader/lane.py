"""Partitions whose chunks are written one after the other, the next decoded meanwhile."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.loader.batch import Chunk
from services.loader.write import Writer
from shared.decode import Decoded

QUEUED_CHUNKS = 2


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk taken over, being decoded; `generation` says under which assignment."""

    generation: int
    chunk: Chunk
    decoding: "asyncio.Task[Decoded]"


class Lane:
    """The few chunks that wait for one writer, in the order of their offsets.

    `room` is set whenever there is place for more; decoding is done by `tasks`. With
    `enough_bytes` waiting, one chunk keeps the writer busy.
    """

    def __init__(
        self, writer: Writer, tasks: asyncio.TaskGroup, room: asyncio.Event, enough_bytes: int
    ) -> None:
        self._writer = writer
        self._tasks = tasks
        self._room = room
        self._enough_bytes = enough_bytes
        self._queue: asyncio.Queue[Work] = asyncio.Queue(QUEUED_CHUNKS)
        self._waiting: deque[tuple[int, Chunk]] = deque()
        self._writing = asyncio.Lock()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be read for this lane."""
        return bool(self._waiting) or self._queue.full() or self._bytes >= self._enough_bytes

    def add(self, generation: int, chunk: Chunk) -> None:
        """Take a chunk over; it is decoded as soon as it has a place in the queue."""
        self._waiting.append((generation, chunk))
        self._advance()

    async def run(self, write: Callable[[Work, Writer], Awaitable[None]]) -> None:
        """Call `write` with one chunk after the other until cancelled; raises what it raises."""
        while True:
            work = await self._queue.get()
            self._bytes -= work.chunk.bytes
            self._advance()
            try:
                await asyncio.wait({work.decoding})
                async with self._writing:
                    await write(work, self._writer)
            finally:
                self._queue.task_done()

    async def settled(self) -> None:
        """Wait until the chunk that is being written has been."""
        async with self._writing:
            pass

    async def drained(self) -> None:
        """Drop what has no place in the queue yet, and wait until `write` has had the rest."""
        self._waiting.clear()
        await self._queue.join()

    def _advance(self) -> None:
        while self._waiting and not self._queue.full() and self._bytes < self._enough_bytes:
            generation, chunk = self._waiting.popleft()
            self._bytes += chunk.bytes
            decoding = self._tasks.create_task(self._writer.decode(chunk))
            self._queue.put_nowait(Work(generation, chunk, decoding))
        if not self.is_full:
            self._room.set()
