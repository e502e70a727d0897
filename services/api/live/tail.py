"""One reader of a topic for all who follow it: each step is made once and handed to all."""

import asyncio
from collections import deque
from collections.abc import Mapping

from services.api.live.events import events_of
from services.api.live.place import Place
from services.api.live.walk import Step, Walk
from services.api.metrics import count_dropped
from shared.database.base import Position
from shared.errors import EconstreamError, Transient
from shared.kafka import OffsetOutOfRange
from shared.observability import get_logger

MOST_WAITING = 4 << 20
"""Bytes that may wait for a reader; one that lets more of them wait is dropped."""

RETRY_SECONDS = 1.0
_log = get_logger(__name__)


class Handed:
    """A step, and its events for whoever stood at the same place before it: made once."""

    __slots__ = ("_made", "step")

    def __init__(self, step: Step) -> None:
        self.step = step
        self._made: dict[tuple[object, ...], bytes] = {}

    def events(self, topic: str, place: Place) -> bytes:
        """Return the events for a reader that stands at a place."""
        key = tuple(sorted(place.items(), key=lambda item: item[0]))
        if key not in self._made:
            self._made[key] = events_of(topic, self.step, place)
        return self._made[key]

    @property
    def size(self) -> int:
        """Bytes of the rows, roughly what waits in memory."""
        return 200 + sum(len(change.line) for change in self.step.changes)


class Inbox:
    """The steps that wait for one reader, in order; bounded."""

    def __init__(self) -> None:
        self.ended = False
        self._steps: deque[Handed] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()

    def put(self, handed: Handed) -> None:
        """Add a step; the reader that lets too many wait is ended, and comes back by its id."""
        self._bytes += handed.size
        if self._bytes > MOST_WAITING and self._steps:
            _log.warning("slow_reader_dropped", bytes=self._bytes)
            count_dropped()
            self.end()
        else:
            self._steps.append(handed)
            self._filled.set()

    def end(self) -> None:
        """Let the reader go; what waits for it is dropped."""
        self.ended = True
        self._steps.clear()
        self._filled.set()

    async def get(self, within: float) -> Handed | None:
        """Return the next step, None where none came in time or this has ended."""
        try:
            async with asyncio.timeout(within):
                await self._filled.wait()
        except TimeoutError:
            return None
        if self.ended:
            return None
        handed = self._steps.popleft()
        self._bytes -= handed.size
        if not self._steps:
            self._filled.clear()
        return handed


class Tail:
    """Follows a topic as it is stored; `place` is where it stands, `stored` how far it may go."""

    def __init__(self, walk: Walk, stored: Mapping[int, Position]) -> None:
        self.walk = walk
        self.stored = stored
        self.place: Place = {}
        for partition, position in stored.items():
            at = position.epoch, position.next_offset
            self.place = Step(partition, None, at).taken(self.place)
        self.readers = 0
        self.ended = False
        self._inboxes: set[Inbox] = set()
        self._moved = asyncio.Event()

    @property
    def topic(self) -> str:
        """The topic's name."""
        return self.walk.topic

    def told(self, stored: Mapping[int, Position]) -> None:
        """Take note of how far the topic is stored now."""
        if stored != self.stored:
            self.stored = stored
            self._wake()

    def end(self) -> None:
        """Let all readers go."""
        self.ended = True
        for inbox in self._inboxes:
            inbox.end()
        self._wake()

    def meets(self, place: Place) -> bool:
        """Return whether a reader stands where this does, and may be handed its steps."""
        here = {p: (s.epoch, s.offset) for p, s in self.place.items()}
        return here == {p: (s.epoch, s.offset) for p, s in place.items()}

    def join(self, inbox: Inbox) -> None:
        """Hand each step from now on to an inbox."""
        self._inboxes.add(inbox)

    def leave(self, inbox: Inbox) -> None:
        """Hand it no more."""
        self._inboxes.discard(inbox)

    async def moved(self, place: Place, within: float) -> None:
        """Wait until more is stored or some seconds have passed; not where a reader may join."""
        if self.ended or self.meets(place):
            return
        moved = self._moved
        try:
            async with asyncio.timeout(within):
                await moved.wait()
        except TimeoutError:
            return

    async def run(self) -> None:
        """Follow until cancelled; broker and database may go and come meanwhile."""
        while True:
            moved = self._moved
            try:
                async for step in self.walk.steps(self.place, self.stored):
                    self.place = step.taken(self.place)
                    handed = Handed(step)
                    for inbox in list(self._inboxes):
                        inbox.put(handed)
            except OffsetOutOfRange as exc:
                _log.warning("tail_behind_retention", topic=self.topic, reason=str(exc))
                self.end()
                return
            except Transient as exc:
                _log.warning("stream_waits", topic=self.topic, reason=str(exc))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except EconstreamError as exc:
                _log.error("stream_ended", topic=self.topic, reason=str(exc))
                self.end()
                return
            await moved.wait()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
