"""Walks a topic from a place to what is stored of it, and tells what its records became."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from services.api.live.changes import Change, Changes
from services.api.live.place import Place, Stand
from services.api.live.records import Records
from services.api.problems import Problem
from shared.database.base import Position
from shared.kafka import OffsetOutOfRange, TopicPartition

ROWS = 1_000
"""Records of one step at most: their keys are looked up by one query."""

AT_ONCE = 4
"""Steps that are made at once, by whichever readers: the rest wait their turn."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of one partition.

    before    the epoch and offset where it begins; None: a partition that was not there
    after     where it ends
    changes   what became of it, also what earlier epochs made of the same records
    """

    partition: int
    before: tuple[int, int] | None
    after: tuple[int, int]
    changes: tuple[Change, ...] = ()

    @property
    def restarts(self) -> bool:
        """Whether it leads into another epoch, at the beginning of the partition."""
        return self.before is not None and self.before[0] != self.after[0]

    def taken(self, place: Place) -> Place:
        """Return where a reader stands after it."""
        epoch, offset = self.after
        stand = place.get(self.partition)
        if stand is None:
            return {**place, self.partition: Stand(epoch, offset)}
        moved = stand.restarted(epoch, offset) if self.restarts else stand.at(offset)
        return {**place, self.partition: moved}


class Walk:
    """Makes the steps of one topic; for any number of readers at once."""

    def __init__(
        self, topic: str, records: Records, changes: Changes, turns: asyncio.Semaphore
    ) -> None:
        self.topic = topic
        self._records = records
        self._changes = changes
        self._turns = turns

    async def steps(self, place: Place, stored: Mapping[int, Position]) -> AsyncIterator[Step]:
        """Yield the steps from a place to the stored positions, partition by partition.

        Raises OffsetOutOfRange where records on the way are gone, Transient while broker or
        database are away.
        """
        for partition, position in sorted(stored.items()):
            known = place.get(partition)
            if known is None:
                at = position.epoch, position.first_offset or 0
                yield Step(partition, None, at)
            elif known.epoch != position.epoch:
                at = position.epoch, await self._begin(partition)
                yield Step(partition, (known.epoch, known.offset), at)
            else:
                at = known.epoch, known.offset
            while at[1] < position.next_offset:
                step = await self._step(partition, at, position.next_offset)
                yield step
                at = step.after

    async def check(self, place: Place, stored: Mapping[int, Position]) -> None:
        """Raise Problem (410) where the topic no longer holds what comes next for a reader."""
        behind = {
            TopicPartition(self.topic, partition): place[partition].offset
            for partition, position in stored.items()
            if partition in place
            and place[partition].epoch == position.epoch
            and place[partition].offset < position.next_offset
        }
        if not behind:
            return
        async with self._records.ranges() as ranges:
            if not ranges.knows_beginnings:
                return
            begins = await ranges.beginning_offsets(behind)
        if any(begin > behind[tp] for tp, begin in begins.items()):
            raise gone()

    async def _begin(self, partition: int) -> int:
        tp = TopicPartition(self.topic, partition)
        async with self._records.ranges() as ranges:
            if not ranges.knows_beginnings:
                return 0
            return (await ranges.beginning_offsets([tp]))[tp]

    async def _step(self, partition: int, at: tuple[int, int], end: int) -> Step:
        tp = TopicPartition(self.topic, partition)
        async with self._turns:
            async with self._records.ranges() as ranges:
                messages, after = await ranges.read(tp, at[1], end, rows=ROWS)
            changes = await self._changes.of(partition, messages)
        return Step(partition, at, (at[0], after), tuple(changes))


def gone() -> Problem:
    """Return the 410 of a place that the topic's retention has passed."""
    return Problem(
        410,
        "position-gone",
        "the topic no longer holds the records after this Last-Event-ID. Connect without one to "
        "follow what is new, and then read what came meanwhile: /v1/data/{dataset}, or with "
        "revisions=true every version",
    )


__all__ = ["OffsetOutOfRange", "Step", "Walk", "gone"]
