"""Where partitions begin: at the stored offsets, and nowhere else, or not at all for now."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from services.loader.batch import Gatherer
from services.loader.halts import Cause, Halt, Halts
from services.loader.quarantine import Quarantine
from shared.database.base import Database, Position, Reader
from shared.dataset import Dataset
from shared.kafka import Cluster, TopicPartition, Watermarks
from shared.observability import get_logger

_log = get_logger(__name__)


class Placement:
    """Answers where partitions begin, and pauses those that must not be read on.

    `generation` rises with each change of hands; chunks of an older one must not be
    written, and if they are, their compare-and-set refuses them. A hand-over waits until
    `settled`, that is, until what is being written has been. `unproven` are the positions whose
    topic is still to show that it is the one they were stored from.
    """

    def __init__(
        self,
        cluster: Cluster,
        database: Database,
        reader: Reader,
        datasets: Mapping[str, Dataset],
        gatherer: Gatherer,
        quarantine: Quarantine,
        halts: Halts,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._cluster = cluster
        self._database = database
        self._reader = reader
        self._datasets = datasets
        self._gatherer = gatherer
        self._quarantine = quarantine
        self._settled = settled
        self.halts = halts
        self.generation = 0
        self.unproven: dict[TopicPartition, Position] = {}

    async def on_assigned(
        self, partitions: frozenset[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        self.generation += 1
        starts = await self.claim(partitions)
        _log.info("partitions assigned", count=len(starts), topics=len({p[0] for p in starts}))
        for tp, start in sorted(starts.items()):
            _log.debug("partition assigned", partition=tp, start=start)
        return starts

    async def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        self.generation += 1
        self._gatherer.begin({})
        self.unproven.clear()
        self.halts.clear()
        bound = self._cluster.rebalance_timeout_ms / 2000
        try:
            async with asyncio.timeout(bound):
                await self._settled()
        except TimeoutError:
            _log.warning("a batch is still being written; its offsets decide who wins")

    async def claim(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Settle where partitions are read on; return the offset to ask for first.

        Positions are read from the store, and made where there are none at the oldest record. To
        see that a topic is still the same, its last stored record is asked for once more.
        Partitions that must not be read on are paused.
        """
        positions, begins, halts = await self._judge(partitions)
        for tp in positions:
            if tp in halts:
                self.halts.add(tp, halts[tp])
            else:
                self.halts.lift(tp)
        going = {tp: position for tp, position in positions.items() if tp not in halts}
        self._gatherer.begin(going)
        self.unproven = {
            tp: position
            for tp, position in going.items()
            if position.last_offset is not None and position.last_offset >= begins[tp]
        }
        return {
            tp: position.next_offset
            if (proof := self.unproven.get(tp)) is None or proof.last_offset is None
            else proof.last_offset
            for tp, position in positions.items()
        }

    async def is_mended(self) -> bool:
        """Return whether a paused partition may go on, or stands elsewhere by now."""
        positions, _, halts = await self._judge(list(self.halts))
        return any(
            tp not in halts or not _same_place(halt.position, position)
            for tp, position in positions.items()
            if (halt := self.halts.get(tp)) is not None
        )

    def pause(self, tp: TopicPartition, cause: Cause, what: str) -> None:
        """Pause a partition whose topic is not as it was left; `what` says in which way."""
        position = self.unproven.pop(tp, None) or self._gatherer.heads.get(tp)
        if position is not None:
            self.halts.add(tp, self._topic_halt(position, cause, what))

    async def _judge(
        self, partitions: Collection[TopicPartition]
    ) -> tuple[
        dict[TopicPartition, Position], dict[TopicPartition, int], dict[TopicPartition, Halt]
    ]:
        """Return where partitions stand and begin, and which of them must not be read on."""
        begins, ends = dict.fromkeys(partitions, 0), {}
        async with Watermarks(self._cluster) as watermarks:
            if self._cluster.list_offsets:
                begins = await watermarks.beginning_offsets(partitions)
            wanted = [(tp.topic, tp.partition, offset) for tp, offset in begins.items()]
            stored = await self._database.claim(self._reader, wanted)
            # Looked at after the positions, no end lies before what was read up to it.
            if self._cluster.list_offsets:
                ends = await watermarks.end_offsets(partitions)
        await self._quarantine.load(partitions)
        positions = {TopicPartition(p.topic, p.partition): p for p in stored}
        halts = {}
        for tp, position in positions.items():
            halt = self._halt_of(tp, position, begins[tp], ends.get(tp))
            if halt is not None:
                halts[tp] = halt
        return positions, begins, halts

    def _halt_of(
        self, tp: TopicPartition, position: Position, begin: int, end: int | None
    ) -> Halt | None:
        said = self.halts.get(tp)
        if said and _lasts(said.cause, end) and _same_place(said.position, position):
            return said
        name, at = self._datasets[tp.topic].name, position.next_offset
        if begin > at:
            what = f"its oldest record is at offset {begin}, and {at} was to be read next"
            return self._topic_halt(position, Cause.RANGE, what)
        if end is not None and end < at:
            what = f"it ends at offset {end}, and {at} was to be read next"
            return self._topic_halt(position, Cause.RANGE, what)
        return self._quarantine.halt_of(position, name)

    def _topic_halt(self, position: Position, cause: Cause, what: str) -> Halt:
        name = self._datasets[position.topic].name
        return Halt(
            cause,
            f"{position.topic}[{position.partition}] is paused: {what}. The topic was deleted and "
            "made again, or records were dropped before they were stored. To read what it holds "
            f"now: `econstream offsets reset {name} --to earliest "
            f"--partition {position.partition}`",
            position,
        )


def _lasts(cause: Cause, end: int | None) -> bool:
    """Return whether only another position can mend it; without `end` nobody can look again."""
    return cause in (Cause.SCHEMA_VERSION, Cause.TOPIC) or (cause is Cause.RANGE and end is None)


def _same_place(one: Position, other: Position) -> bool:
    return (one.epoch, one.next_offset) == (other.epoch, other.next_offset)
