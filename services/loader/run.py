"""The loader's loop: poll what the lanes have room for, and start again where the store stands."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.loader.batch import Gatherer, batch_bytes
from services.loader.caught_up import EVERY_SECONDS, CaughtUp, Look
from services.loader.consume import RETRY_SECONDS, Poller
from services.loader.lane import Lane, Work
from services.loader.metrics import count_stored, tell_lag
from services.loader.placement import Placement
from services.loader.progress import Progress
from services.loader.quarantine import Quarantine
from services.loader.write import Writer
from shared.database.base import Database, Reader
from shared.dataset import Dataset
from shared.errors import Fatal, StaleOwner, Transient
from shared.kafka import Cluster, Consumer, TopicPartition
from shared.observability import get_logger

FINISH_SECONDS = 5.0
COMMIT_SECONDS = 1.0
ROOM_SECONDS = 0.2
REVIEW_SECONDS = 2.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoaderOptions:
    """How a loader batches, and whether it ends once everything is stored.

    lanes              how many batches are written at once, each of partitions of its own
    dead_letter_limit  share of a partition's last records that pauses it, once they are dead
                       letters
    """

    group_id: str
    batch_rows: int
    batch_seconds: float
    lanes: int = 1
    dead_letter_limit: float = 1.0
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
        self.progress = Progress()
        self._quarantine = Quarantine(database, self._reader, options.dead_letter_limit)
        self._placement = Placement(
            cluster, database, self._reader, datasets, self._gatherer, self._quarantine,
            self.progress.halts, self._settled,
        )  # fmt: skip
        self._lanes: list[Lane] = []
        self._room = asyncio.Event()
        self._stored: dict[TopicPartition, int] = {}
        self._lost = False
        self._done = False

    async def run(self, stop: asyncio.Event) -> Progress:
        """Load until `stop` is set, or, if so asked, until every partition was at its end.

        Waits while broker or database are away. Raises Fatal where going on would lose or
        double records, and, asked to end when caught up, where a partition is paused until
        somebody has mended what is wrong with it. When stopped it finishes the batches in hand,
        for some seconds at most; cancelled, it drops them: either way every record is stored once.
        """
        consumer = Consumer(
            self._cluster,
            group_id=self._options.group_id,
            topics=self._datasets,
            listener=self._placement,
        )
        halts = self.progress.halts
        caught_up = CaughtUp(self._cluster, self._database, self._reader, self._datasets, halts)
        async with consumer, caught_up, asyncio.TaskGroup() as tasks:
            tell_away = self.progress.tell_away
            writer = Writer(self._database, self._reader, self._quarantine, tell_away)
            enough = batch_bytes(self._options.batch_rows)
            self._lanes = [
                Lane(writer, tasks, self._room, enough) for _ in range(self._options.lanes)
            ]
            beside = [tasks.create_task(lane.run(self._write)) for lane in self._lanes]
            beside.append(tasks.create_task(self._watch(caught_up, consumer)))
            beside.append(tasks.create_task(self._review()))
            beside.append(tasks.create_task(self._follow(consumer)))
            await self._poll_all(consumer, stop)
            await self._finish(consumer)
            reasons = halts.reasons
            for task in beside:
                task.cancel()
        if self._options.until_caught_up and reasons:
            raise Fatal("; ".join(reasons))
        return self.progress

    async def _poll_all(self, consumer: Consumer, stop: asyncio.Event) -> None:
        poller = Poller(consumer, self._gatherer, self._placement, len(self._lanes))
        while not stop.is_set() and not self._done:
            if self._lost:
                await self._start_over(consumer)
                continue
            lanes = [number for number, lane in enumerate(self._lanes) if not lane.is_full]
            if not lanes:
                await self._wait_for_room()
            for chunk in await poller.poll(lanes):
                self._lanes[chunk.lane].add(self._placement.generation, chunk)
            # A poll that finds what was fetched before never waits: decoders and writers would.
            await asyncio.sleep(0)

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
            stored = await writer.write(work.chunk, decoded)
        except StaleOwner as exc:
            _log.warning("another loader went on with this partition", reason=str(exc))
            self._lost = True
            return
        for move in stored.moves:
            partition = TopicPartition(move.end.topic, move.end.partition)
            self._stored[partition] = move.end.next_offset
        for halt in stored.halts:
            partition = TopicPartition(halt.position.topic, halt.position.partition)
            self.progress.halts.add(partition, halt)
        self._lost |= stored.ended_early
        dataset = work.chunk.dataset.name
        count_stored(dataset, stored.records, stored.written)
        self.progress.count(dataset, stored.records, stored.written)
        self._on_progress(self.progress)

    async def _watch(self, caught_up: CaughtUp, consumer: Consumer) -> None:
        """Tell the lag now and then; note when every partition was seen at its end.

        An end says nothing of a topic that has still to show that it is the one it was.
        """
        while not self._done:
            look = await caught_up.look()
            if look is not None:
                self.progress.lag, self.progress.standing = look.lag, caught_up.standing
                tell_lag(look.lags, self.progress.halts)
                self._lost |= self._is_elsewhere(look)
                self._on_progress(self.progress)
                known = not look.lags or (consumer.settled and not self._placement.unproven)
                self._done = self._options.until_caught_up and caught_up.reached and known
            await asyncio.sleep(EVERY_SECONDS)

    def _is_elsewhere(self, look: Look) -> bool:
        """Return whether offsets were reset, or a topic ends before what was stored of it."""
        return any(
            look.stored[tp].epoch > head.epoch
            or (self._cluster.list_offsets and look.lags.get(tp, 0) < 0)
            for tp, head in self._gatherer.heads.items()
            if tp in look.stored and tp not in self.progress.halts
        )

    async def _review(self) -> None:
        """See now and then whether paused partitions may go on."""
        while True:
            await asyncio.sleep(REVIEW_SECONDS)
            if self.progress.halts and not self._lost:
                with suppress(Transient):
                    mended = await self._placement.is_mended()
                    self._lost |= mended

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
            starts = await self._placement.claim(consumer.assignment)
        except Transient as exc:
            _log.warning("the broker or the database is away; waiting", reason=str(exc))
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._lost = False
        for tp, start in starts.items():
            consumer.seek(tp, start)

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
