"""The reading side: where partitions begin, and polling those whose writers have room."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from services.loader.batch import Chunk, Gatherer
from shared.database.base import Database, Position, Reader
from shared.errors import Fatal, Transient
from shared.kafka import Cluster, Consumer, OffsetOutOfRange, TopicPartition, Watermarks
from shared.observability import get_logger

RETRY_SECONDS = 1.0
SHORT_POLL_SECONDS = 0.05
# Unpacking holds up the event loop, and with it every answer of the database.
POLL_RECORDS = 1_000
_log = get_logger(__name__)


class Placement:
    """Answers where partitions begin: at the stored offsets, and nowhere else.

    `generation` rises with each change of hands; chunks of an older one must not be
    written, and if they are, their compare-and-set refuses them. A hand-over waits until
    `settled`, that is, until what is being written has been.
    """

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        reader: Reader,
        gatherer: Gatherer,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._cluster = cluster
        self._database = database
        self._reader = reader
        self._gatherer = gatherer
        self._settled = settled
        self.generation = 0

    async def on_assigned(
        self, partitions: frozenset[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        self.generation += 1
        positions = await self.claim(partitions)
        self._gatherer.begin(positions)
        _log.info(
            "partitions assigned", count=len(positions), topics=len({p[0] for p in positions})
        )
        for tp, position in sorted(positions.items()):
            _log.debug("partition assigned", partition=tp, position=position)
        return {tp: position.next_offset for tp, position in positions.items()}

    async def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        self.generation += 1
        self._gatherer.begin({})
        bound = self._cluster.rebalance_timeout_ms / 2000
        try:
            async with asyncio.timeout(bound):
                await self._settled()
        except TimeoutError:
            _log.warning("a batch is still being written; its offsets decide who wins")

    async def claim(self, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, Position]:
        """Read the stored positions, made where there are none at the oldest record."""
        first = dict.fromkeys(partitions, 0)
        if self._cluster.list_offsets:
            async with Watermarks(self._cluster) as watermarks:
                first = await watermarks.beginning_offsets(partitions)
        wanted = [(tp.topic, tp.partition, offset) for tp, offset in first.items()]
        stored = await self._database.claim(self._reader, wanted)
        return {TopicPartition(p.topic, p.partition): p for p in stored}


class Poller:
    """Polls the consumer and hands out the chunks that are due."""

    def __init__(self, consumer: Consumer, gatherer: Gatherer, lanes: int) -> None:
        self._consumer = consumer
        self._gatherer = gatherer
        self._lanes = lanes

    async def poll(self, lanes: Collection[int]) -> list[Chunk]:
        """Read the partitions of the lanes that have room; return those of their chunks due.

        Without any lane it is only the sign of life that the group wants, and does not wait;
        else it waits until a chunk is due, or for a moment where other lanes may have room
        soon. Raises Fatal where the stored offset is not on the topic.
        """
        try:
            polled = await self._consumer.getmany(
                self._partitions(lanes),
                timeout_ms=max(1, int(self._seconds(lanes) * 1000)),
                max_records=POLL_RECORDS,
            )
        except OffsetOutOfRange as exc:
            raise Fatal(
                f"{exc}: the topic was made anew or its records are gone. Restore the topic, or "
                "delete its line in consumer_offsets to read it from its oldest record"
            ) from exc
        except Transient as exc:
            _log.warning("the broker or the database is away; waiting", reason=str(exc))
            await asyncio.sleep(RETRY_SECONDS)
            return []
        self._gatherer.add(polled, await self._consumer.positions())
        return self._gatherer.take(lanes)

    def _partitions(self, lanes: Collection[int]) -> Collection[TopicPartition] | None:
        if len(lanes) == self._lanes:
            return None
        return [tp for tp in self._consumer.assignment if self._gatherer.lane_of(tp) in lanes]

    def _seconds(self, lanes: Collection[int]) -> float:
        longest = {0: 0.0, self._lanes: float("inf")}.get(len(lanes), SHORT_POLL_SECONDS)
        return min(longest, self._gatherer.wait_seconds(lanes))
