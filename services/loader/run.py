"""The loader's loop: poll what the lanes have room for, and start again where the store stands."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.loader.batch import Gatherer
from services.loader.caught_up import EVERY_SECONDS, CaughtUp
from services.loader.consume import RETRY_SECONDS, Placement, Poller
from services.loader.lane import Lane, Work
from services.loader.progress import Progress
from services.loader.write import Writer
from shared.database.base import Database, Reader
from shared.dataset import Dataset
from shared.errors import StaleOwner, Transient
from shared.kafka import Cluster, Consumer, TopicPartition
from shared.observability import get_logger

FINISH_SECONDS = 5.0
COMMIT_SECONDS = 1.0
ROOM_SECONDS = 0.2
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoaderOptions:
    """How a loader batches, and whether it ends once everything is stored.

    lanes   how many batches are written at once, each of partitions of its own
    """

    group_id: str
    batch_rows: int
    batch_seconds: float
    lanes: int = 1
    until_caught_up: bool = False


class Loader:
    """Moves the records of topics into a database until it is stopped or has caught up."""

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        datasets: Mapping[str, Dataset],
        options: LoaderOptions,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`datasets` are those to load, by the names of their topics."""
        self._cluster = cluster
        self._database = database
        self._datasets = datasets
        self._options = options
        self._on_progress = on_progress
        self._reader = Reader(cluster.cluster_id, options.group_id)
        self._gatherer = Gatherer(
            datasets, rows=options.batch_rows, seconds=options.batch_seconds, lanes=options.lanes
        )
        self._placement = Placement(cluster, database, self._reader, self._gatherer, self._settled)
        self._lanes: list[Lane] = []
        self._room = asyncio.Event()
        self._stored: dict[TopicPartition, int] = {}
        self._lost = False
        self._done = False
        self.progress = Progress()

    async def run(self, stop: asyncio.Event) -> Progress:
        """Load until `stop` is set, or, if so asked, until every partition was at its end.

        Waits while broker or database are away. Raises Fatal where going on would lose or
        double records. When stopped it finishes the batches in hand, for some seconds at most;
        cancelled, it drops them: either way every record is stored once.
        """
        consumer = Consumer(
            self._cluster,
            group_id=self._options.group_id,
            topics=self._datasets,
            listener=self._placement,
        )
        caught_up = CaughtUp(self._cluster, self._database, self._reader, self._datasets)
        async with consumer, caught_up, asyncio.TaskGroup() as tasks:
            writer = Writer(self._database, self._reader, self.progress.tell_away)
            self._lanes = [Lane(writer, tasks, self._room) for _ in range(self._options.lanes)]
            beside = [tasks.create_task(lane.run(self._write)) for lane in self._lanes]
            beside.append(tasks.create_task(self._watch_lag(caught_up)))
            beside.append(tasks.create_task(self._follow(consumer)))
            await self._poll_all(consumer, stop)
            await self._finish(consumer)
            for task in beside:
                task.cancel()
        return self.progress

    async def _poll_all(self, consumer: Consumer, stop: asyncio.Event) -> None:
        poller = Poller(consumer, self._gatherer, len(self._lanes))
        while not stop.is_set() and not self._done:
            if self._lost:
                await self._start_over(consumer)
                continue
            lanes = [number for number, lane in enumerate(self._lanes) if not lane.is_full]
            if not lanes:
                await self._wait_for_room()
            for chunk in await poller.poll(lanes):
                self._lanes[chunk.lane].add(self._placement.generation, chunk)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(ROOM_SECONDS):
                await self._room.wait()

    async def _write(self, work: Work, writer: Writer) -> None:
        """Write a chunk, unless its partitions have changed hands since."""
        decoded = work.decoding.result()
        if work.generation != self._placement.generation or self._lost:
            return
        try:
            written = await writer.write(work.chunk, decoded)
        except StaleOwner as exc:
            _log.warning("another loader went on with this partition", reason=str(exc))
            self._lost = True
            return
        for move in work.chunk.moves:
            partition = TopicPartition(move.end.topic, move.end.partition)
            self._stored[partition] = move.end.next_offset
        self.progress.count(work.chunk.dataset.name, len(work.chunk.messages), written)
        self._on_progress(self.progress)

    async def _watch_lag(self, caught_up: CaughtUp) -> None:
        """Tell the lag now and then; note when every partition was seen at its end."""
        while not self._done:
            lag = await caught_up.lag()
            if lag is not None:
                self.progress.lag = lag
                self._on_progress(self.progress)
            self._done = self._options.until_caught_up and caught_up.reached
            await asyncio.sleep(EVERY_SECONDS)

    async def _follow(self, consumer: Consumer) -> None:
        """Let the group's own offsets follow the stored ones, for monitoring."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._commit(consumer)

    async def _commit(self, consumer: Consumer) -> None:
        stored, self._stored = self._stored, {}
        if stored:
            await consumer.commit(stored)

    async def _start_over(self, consumer: Consumer) -> None:
        """Drop what is queued and read on from the stored offsets."""
        self._placement.generation += 1
        for lane in self._lanes:
            await lane.drained()
        try:
            positions = await self._placement.claim(consumer.assignment)
        except Transient as exc:
            _log.warning("the broker or the database is away; waiting", reason=str(exc))
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._lost = False
        self._gatherer.begin(positions)
        for tp, position in positions.items():
            consumer.seek(tp, position.next_offset)

    async def _settled(self) -> None:
        for lane in self._lanes:
            await lane.settled()

    async def _finish(self, consumer: Consumer) -> None:
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                for lane in self._lanes:
                    await lane.drained()
        except TimeoutError:
            _log.warning("stopping with a batch not stored; it will be read again")
        await self._commit(consumer)
