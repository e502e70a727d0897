"""True lag: where the broker's partitions end, less what the store holds."""

import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from shared.database.base import Database, Position, Reader
from shared.errors import Transient
from shared.kafka import Cluster, TopicPartition, Watermarks

EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """What the store and the broker said at one moment.

    stored  the positions of the group, by partition
    lags    what each partition of the topics holds beyond that; below 0 where it holds less
    """

    stored: Mapping[TopicPartition, Position]
    lags: Mapping[TopicPartition, int]

    @property
    def lag(self) -> int:
        """How many offsets are not stored yet."""
        return sum(max(lag, 0) for lag in self.lags.values())


class CaughtUp:
    """Compares stored offsets with the ends of all partitions, now and then.

    `reached` once each partition was seen stored to its end; an empty partition is, and
    a topic that does not exist has none. New partitions are noticed some seconds late.
    `standing` are the partitions with lag whose position has not moved, since when.
    """

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        reader: Reader,
        topics: Iterable[str],
        passed_over: Container[TopicPartition] = (),
    ) -> None:
        """`passed_over`: partitions that `reached` does not wait for, while they are in it."""
        self._database = database
        self._reader = reader
        self._topics = list(topics)
        self._passed_over = passed_over
        self._watermarks = Watermarks(cluster)
        self._at_end: set[TopicPartition] = set()
        self._places: dict[TopicPartition, tuple[Position | None, float]] = {}
        self._looked = float("-inf")
        self.reached = False
        self.standing: dict[TopicPartition, float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._watermarks.close()

    async def lag(self) -> int | None:
        """Return how many offsets are not stored yet; None between looks and while away."""
        look = await self.look()
        return None if look is None else look.lag

    async def look(self) -> Look | None:
        """Look at the store, then at the broker; None between looks and while one is away."""
        if time.monotonic() - self._looked < EVERY_SECONDS:
            return None
        self._looked = time.monotonic()
        try:
            look = await self._look()
        except Transient:
            return None
        self._at_end |= {tp for tp, lag in look.lags.items() if lag == 0}
        waited_for = {tp for tp in look.lags if tp not in self._passed_over}
        self.reached = self._at_end >= waited_for
        self._note_standing(look)
        return look

    async def _look(self) -> Look:
        partitions = await self._watermarks.partitions(self._topics)
        # In this order, no end lies before what was stored up to it.
        stored = {
            TopicPartition(p.topic, p.partition): p
            for p in await self._database.positions(self._reader)
        }
        ends = await self._watermarks.end_offsets(partitions)
        lags = {
            tp: end - (stored[tp].next_offset if tp in stored else 0) for tp, end in ends.items()
        }
        return Look(stored, lags)

    def _note_standing(self, look: Look) -> None:
        now = time.monotonic()
        places: dict[TopicPartition, tuple[Position | None, float]] = {}
        for tp, lag in look.lags.items():
            position = look.stored.get(tp)
            before, since = self._places.get(tp, (None, now))
            places[tp] = (position, since if before == position and lag > 0 else now)
        self._places = places
        self.standing = {tp: places[tp][1] for tp, lag in look.lags.items() if lag > 0}
