"""True lag: where the broker's partitions end, less what the store holds."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from shared.database.base import Database, Reader
from shared.errors import Transient
from shared.kafka import Cluster, TopicPartition, Watermarks

EVERY_SECONDS = 0.5


class CaughtUp:
    """Compares stored offsets with the ends of all partitions, now and then.

    `reached` once each partition was seen stored to its end; an empty partition is, and
    a topic that does not exist has none. New partitions are noticed some seconds late.
    """

    def __init__(
        self, cluster: Cluster, database: Database, reader: Reader, topics: Iterable[str]
    ) -> None:
        self._database = database
        self._reader = reader
        self._topics = list(topics)
        self._watermarks = Watermarks(cluster)
        self._at_end: set[TopicPartition] = set()
        self._looked = float("-inf")
        self.reached = False

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
        if time.monotonic() - self._looked < EVERY_SECONDS:
            return None
        self._looked = time.monotonic()
        try:
            return await self._look()
        except Transient:
            return None

    async def _look(self) -> int:
        partitions = await self._watermarks.partitions(self._topics)
        ends = await self._watermarks.end_offsets(partitions)
        stored = {
            TopicPartition(p.topic, p.partition): p.next_offset
            for p in await self._database.positions(self._reader)
        }
        behind = {tp: end - stored.get(tp, 0) for tp, end in ends.items()}
        self._at_end |= {tp for tp, missing in behind.items() if missing <= 0}
        self.reached = self._at_end >= ends.keys()
        return sum(max(missing, 0) for missing in behind.values())
