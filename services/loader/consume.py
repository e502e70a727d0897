"""The reading side: where partitions begin, polling, and holding back while the writer is busy."""

import asyncio
from collections.abc import Mapping

from services.loader.batch import Chunk, Gatherer
from shared.database.base import Database, Position, Reader
from shared.errors import Fatal, Transient
from shared.kafka import Cluster, Consumer, OffsetOutOfRange, TopicPartition, Watermarks
from shared.observability import get_logger

RETRY_SECONDS = 1.0
BUSY_POLL_SECONDS = 0.2
_log = get_logger(__name__)


class Placement:
    """Answers where partitions begin: at the stored offsets, and nowhere else.

    `generation` rises with each change of hands; chunks of an older one must not be
    written, and if they are, their compare-and-set refuses them.
    """

    def __init__(self, cluster: Cluster, database: Database, reader: Reader, gatherer: Gatherer):
        self._cluster = cluster
        self._database = database
        self._reader = reader
        self._gatherer = gatherer
        self._writing = asyncio.Lock()
        self.generation = 0

    @property
    def writing(self) -> asyncio.Lock:
        """Held while a chunk is being written, so that a hand-over can wait for it."""
        return self._writing

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
            async with asyncio.timeout(bound), self._writing:
                pass
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
    """Polls the consumer and hands chunks to a bounded queue; pauses while it is full."""

    def __init__(self, consumer: Consumer, gatherer: Gatherer, rows: int) -> None:
        self._consumer = consumer
        self._gatherer = gatherer
        self._rows = rows
        self._paused = False

    async def poll(self, *, hold_back: bool) -> list[Chunk]:
        """Return the chunks that are due; with `hold_back` none is read or handed out.

        Polling goes on meanwhile, or the group would think this member dead. Waits a
        poll's time at most. Raises Fatal where the stored offset is not on the topic.
        """
        self._hold_back(hold_back)
        seconds = BUSY_POLL_SECONDS if hold_back else self._gatherer.wait_seconds()
        try:
            polled = await self._consumer.getmany(
                timeout_ms=max(1, int(seconds * 1000)), max_records=self._rows
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
        return [] if hold_back else self._gatherer.take()

    def _hold_back(self, hold_back: bool) -> None:
        """Pause what is held, again at each poll, since a rebalance forgets it."""
        if hold_back:
            self._consumer.pause(*self._consumer.assignment)
        elif self._paused:
            self._consumer.resume(*self._consumer.assignment)
        self._paused = hold_back
