"""Follows what is stored for all who listen, while anybody does."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress

from services.api.live.changes import Changes
from services.api.live.events import events_of, opening, standing
from services.api.live.place import Place
from services.api.live.records import Records
from services.api.live.tail import RETRY_SECONDS, Inbox, Tail
from services.api.live.walk import AT_ONCE, Walk
from services.api.metrics import tell_streams
from services.api.problems import Problem
from shared.database.base import Database, Position, Reader
from shared.dataset import Dataset
from shared.errors import EconstreamError, Transient
from shared.kafka import OffsetOutOfRange
from shared.observability import get_logger
from shared.settings import Settings

HEARTBEAT_SECONDS = 15.0
"""How often a reader hears of its place while nothing happens."""

POLL_SECONDS, POLL_DEAF_SECONDS = 2.0, 0.25
"""How often stored offsets are asked for: while commits are heard of, and while they are not."""

MOST_READERS = 1_000
_log = get_logger(__name__)
Stored = Mapping[str, Mapping[int, Position]]


class Live:
    """The streams of one API.

    Each topic that somebody follows has one tail, and all of them one task that hears of
    commits; both end with the last reader. Everything is bounded: readers, what waits for
    each, and how many stretches are read at once.
    """

    def __init__(self, database: Database, records: Records, settings: Settings) -> None:
        self._database = database
        self._records = records
        self._settings = settings
        self._tails: dict[str, tuple[Tail, asyncio.Task[None]]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._deaf = True  # until a commit has been heard of
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._ended = False

    def topic(self, dataset: Dataset) -> str:
        """Return the name of a dataset's topic, to which its tokens are bound."""
        return dataset.topic(self._settings.kafka_topic_prefix)

    async def open(self, dataset: Dataset, place: Place | None) -> AsyncGenerator[bytes, None]:
        """Return the events from a place on, None for what is new; endless.

        Raises Problem: 410 where the topic no longer holds what comes next, 503 where there
        are too many readers or no broker is configured; Transient where broker or database
        are away. The generator ends where its reader is too slow and when this is ended.
        """
        if sum(tail.readers for tail, _ in self._tails.values()) >= MOST_READERS or self._ended:
            detail = "as many streams are open as this process serves: try again in 30 s"
            raise Problem(503, "too-many-readers", detail, {"Retry-After": "30"})
        async with self._records.needed():
            pass
        stored = (await self._stored()).get(self.topic(dataset), {})
        events = self._events(dataset, place, stored)
        if place is not None:
            async with self._records.needed():
                await self._walk(dataset).check(place, stored)
        await anext(events)
        return events

    def end(self) -> None:
        """Let all readers go, so that the server can drain."""
        self._ended = True
        for tail, _ in self._tails.values():
            tail.end()

    async def _events(
        self, dataset: Dataset, place: Place | None, stored: Mapping[int, Position]
    ) -> AsyncGenerator[bytes, None]:
        async with self._tail(dataset, stored) as tail:
            place = tail.place if place is None else place
            yield b""  # from now on the reader counts, and misses nothing
            yield opening(tail.topic, place)
            try:
                while not (tail.ended or tail.meets(place)):
                    async with aclosing(_gap(tail, place)) as gap:
                        async for reached, events in gap:
                            place = reached
                            yield events
                    await tail.moved(place, RETRY_SECONDS)
            except OffsetOutOfRange as exc:
                # Coming back by its id, the reader is told what to do.
                _log.warning("reader_behind_retention", topic=tail.topic, reason=str(exc))
                return
            async with aclosing(_handed(tail, place)) as handed:
                async for events in handed:
                    yield events

    @asynccontextmanager
    async def _tail(self, dataset: Dataset, stored: Mapping[int, Position]) -> AsyncIterator[Tail]:
        """Lend the tail of a dataset, which runs while it is lent to anybody."""
        topic = self.topic(dataset)
        if topic not in self._tails:
            tail = Tail(self._walk(dataset), stored)
            self._tails[topic] = tail, asyncio.create_task(tail.run(), name=f"tail-{topic}")
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="watch-stored")
        tail, running = self._tails[topic]
        tail.readers += 1
        tell_streams(dataset.name, tail.readers)
        try:
            yield tail
        finally:
            tail.readers -= 1
            tell_streams(dataset.name, tail.readers)
            if not tail.readers:
                del self._tails[topic]
                await _ended(running)
            if not self._tails and self._watching is not None:
                watching, self._watching = self._watching, None
                await _ended(watching)
                await self._records.close()

    def _walk(self, dataset: Dataset) -> Walk:
        changes = Changes(self._database, dataset, self._settings.api_statement_timeout_ms)
        return Walk(self.topic(dataset), self._records, changes, self._turns)

    async def _stored(self) -> Stored:
        """Return how far each topic is stored, by the loaders' group."""
        cluster = await self._records.cluster()
        reader = Reader(cluster.cluster_id, self._settings.loader_group_id)
        found: dict[str, dict[int, Position]] = {}
        for position in await self._database.positions(reader):
            found.setdefault(position.topic, {})[position.partition] = position
        return found

    async def _watch(self) -> None:
        """Tell tails how far their topics are stored, as soon as that is heard of."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                self._heard.clear()
                try:
                    stored = await self._stored()
                    for topic, (tail, _) in list(self._tails.items()):
                        tail.told(stored.get(topic, {}))
                except EconstreamError as exc:
                    _log.warning("stored_offsets_unknown", reason=str(exc))
                    await asyncio.sleep(RETRY_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_DEAF_SECONDS if self._deaf else POLL_SECONDS):
                        await self._heard.wait()

    async def _listen(self) -> None:
        """Hear of commits; where that is not to be had, polling goes on alone, more often."""
        while True:
            try:
                await self._database.listen(self._note)
            except EconstreamError as exc:
                _log.warning("commits_unheard", reason=str(exc))
            self._deaf = True
            await asyncio.sleep(RETRY_SECONDS)

    def _note(self, topic: str) -> None:
        self._deaf = False
        if topic in self._tails:
            self._heard.set()


async def _gap(tail: Tail, place: Place) -> AsyncGenerator[tuple[Place, bytes], None]:
    """Yield the events that a reader alone has missed, and where it stands after each step.

    Raises OffsetOutOfRange where the topic has dropped them meanwhile.
    """
    try:
        async for step in tail.walk.steps(place, tail.stored):
            events = events_of(tail.topic, step, place)
            place = step.taken(place)
            yield place, events
            if tail.ended:
                return
    except OffsetOutOfRange:
        raise
    except Transient as exc:
        _log.warning("stream_waits", topic=tail.topic, reason=str(exc))
        await asyncio.sleep(RETRY_SECONDS)


async def _handed(tail: Tail, place: Place) -> AsyncGenerator[bytes, None]:
    """Yield the events that the tail hands on, until it ends or the reader is too slow."""
    inbox = Inbox()
    tail.join(inbox)
    try:
        while not (inbox.ended or tail.ended):
            handed = await inbox.get(HEARTBEAT_SECONDS)
            if handed is not None:
                events = handed.events(tail.topic, place)
                place = handed.step.taken(place)
            elif not inbox.ended:
                events = standing(tail.topic, place)
            if events:
                yield events
    finally:
        tail.leave(inbox)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
