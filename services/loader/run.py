"""The loader's loop: poll, decode the next batch while this one is written, and start again."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.loader.batch import Chunk, Gatherer
from services.loader.caught_up import CaughtUp
from services.loader.consume import Placement, Poller
from services.loader.progress import Progress
from services.loader.write import Writer
from shared.database.base import Database, Reader
from shared.dataset import Dataset
from shared.decode import Decoded
from shared.errors import StaleOwner
from shared.kafka import Cluster, Consumer, TopicPartition
from shared.observability import get_logger

QUEUED_CHUNKS = 2
FINISH_SECONDS = 5.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoaderOptions:
    """How a loader batches, and whether it ends once everything is stored."""

    group_id: str
    batch_rows: int
    batch_seconds: float
    until_caught_up: bool = False


@dataclass(frozen=True, slots=True)
class _Queued:
    generation: int
    chunk: Chunk
    decoding: "asyncio.Task[Decoded]"


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
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue(QUEUED_CHUNKS)
        self._backlog: deque[tuple[int, Chunk]] = deque()
        self._lost = False
        self.progress = Progress()

    async def run(self, stop: asyncio.Event) -> Progress:
        """Load until `stop` is set, or, if so asked, until every partition was at its end.

        Waits while broker or database are away. Raises Fatal where going on would lose or
        double records. When stopped it finishes the batches in hand, for some seconds at most;
        cancelled, it drops them: either way every record is stored once.
        """
        rows, seconds = self._options.batch_rows, self._options.batch_seconds
        gatherer = Gatherer(self._datasets, rows=rows, seconds=seconds)
        placement = Placement(self._cluster, self._database, self._reader, gatherer)
        consumer = Consumer(
            self._cluster,
            group_id=self._options.group_id,
            topics=self._datasets,
            listener=placement,
        )
        caught_up = CaughtUp(self._cluster, self._database, self._reader, self._datasets)
        async with consumer, caught_up, asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write_all(placement, consumer))
            poller = Poller(consumer, gatherer, rows)
            while not stop.is_set() and not await self._is_done(caught_up):
                if self._lost:
                    await self._start_over(placement, gatherer, consumer)
                chunks = await poller.poll(hold_back=self._is_busy())
                self._backlog.extend((placement.generation, chunk) for chunk in chunks)
                self._enqueue(tasks)
            await self._finish()
            writing.cancel()
        return self.progress

    async def _is_done(self, caught_up: CaughtUp) -> bool:
        lag = await caught_up.lag()
        if lag is not None:
            self.progress.lag = lag
            self._on_progress(self.progress)
        return self._options.until_caught_up and caught_up.reached

    def _is_busy(self) -> bool:
        return bool(self._backlog) or self._queue.full()

    def _enqueue(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to decode what has a place in the queue; the rest waits its turn."""
        writer = self._writer()
        while self._backlog and not self._queue.full():
            generation, chunk = self._backlog.popleft()
            self._queue.put_nowait(
                _Queued(generation, chunk, tasks.create_task(writer.decode(chunk)))
            )

    async def _write_all(self, placement: Placement, consumer: Consumer) -> None:
        writer = self._writer()
        while True:
            queued = await self._queue.get()
            try:
                decoded = await queued.decoding
                async with placement.writing:
                    if queued.generation == placement.generation and not self._lost:
                        await self._write(writer, queued.chunk, decoded)
                        await consumer.commit(_ends(queued.chunk))
            finally:
                self._queue.task_done()

    async def _write(self, writer: Writer, chunk: Chunk, decoded: Decoded) -> None:
        try:
            written = await writer.write(chunk, decoded)
        except StaleOwner as exc:
            _log.warning("another loader went on with this partition", reason=str(exc))
            self._lost = True
            return
        self.progress.count(chunk.dataset.name, len(chunk.messages), written)
        self._on_progress(self.progress)

    async def _start_over(
        self, placement: Placement, gatherer: Gatherer, consumer: Consumer
    ) -> None:
        """Drop what is queued and read on from the stored offsets."""
        placement.generation += 1
        self._backlog.clear()
        await self._queue.join()
        self._lost = False
        positions = await placement.claim(consumer.assignment)
        gatherer.begin(positions)
        for tp, position in positions.items():
            consumer.seek(tp, position.next_offset)

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self._queue.join()
        except TimeoutError:
            _log.warning("stopping with a batch not stored; it will be read again")

    def _writer(self) -> Writer:
        return Writer(self._database, self._reader, self.progress.tell_away)


def _ends(chunk: Chunk) -> dict[TopicPartition, int]:
    return {TopicPartition(m.end.topic, m.end.partition): m.end.next_offset for m in chunk.moves}
