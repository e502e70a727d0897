"""The limit of dead letters: a bad deploy pauses its partition before it has refused everything."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from services.loader.halts import Cause, Halt
from shared.database.base import Database, Position, Reader
from shared.kafka import TopicPartition

WINDOW = 10_000

OPEN_LETTERS = """SELECT d.topic, d.partition, d."offset"
FROM dead_letters AS d JOIN consumer_offsets AS o
ON o.cluster_id = d.cluster_id AND o.topic = d.topic AND o.partition = d.partition
WHERE o.cluster_id = $1 AND o.group_id = $2 AND d.resolved_at IS NULL
AND d."offset" >= greatest(o.next_offset - $3, coalesce(o.first_offset, 0))
AND d."offset" < o.next_offset ORDER BY d."offset"
"""
"""The offsets of the letters that count, given cluster, group and WINDOW."""


def allowed(limit: float) -> int:
    """Return how many of a partition's last WINDOW records may be dead letters."""
    return round(limit * WINDOW)


class Quarantine:
    """Counts the open dead letters among the last WINDOW records of each partition.

    What counts is in the store, so that it outlives the loader; a letter that was replayed or
    discarded counts no longer, nor does what was read before an offset reset. In between, the
    letters that this loader writes are added in memory.
    """

    def __init__(self, database: Database, reader: Reader, limit: float) -> None:
        """`limit`: the share of WINDOW that may be dead letters."""
        self._database = database
        self._reader = reader
        self._limit = limit
        self._open: dict[TopicPartition, deque[int]] = {}

    async def load(self, partitions: Collection[TopicPartition]) -> None:
        """Read from the store what counts in partitions; raises Transient while it is away."""
        rows = await self._database.fetch(
            OPEN_LETTERS, [self._reader.cluster_id, self._reader.group_id, WINDOW]
        )
        self._open |= {tp: deque() for tp in partitions}
        for row in rows.to_pylist():
            tp = TopicPartition(row["topic"], row["partition"])
            if tp in partitions:
                self._open[tp].append(row["offset"])

    def add(self, letters: Mapping[TopicPartition, Iterable[int]]) -> None:
        """Count letters that were stored, by their offsets in order."""
        for tp, offsets in letters.items():
            known = self._open.setdefault(tp, deque())
            known.extend(offset for offset in offsets if not known or offset > known[-1])
            while known and known[0] <= known[-1] - WINDOW:
                known.popleft()

    def is_full(self, tp: TopicPartition) -> bool:
        """Return whether a partition has had more letters than it may."""
        return self._is_too_many(len(self._open.get(tp, ())))

    def end_of(self, tp: TopicPartition, offsets: Iterable[int]) -> int | None:
        """Return where a partition must pause if these are refused too, None where it need not.

        That is right after the letter that is one too many.
        """
        window = deque(self._open.get(tp, ()))
        for offset in offsets:
            window.append(offset)
            while window[0] <= offset - WINDOW:
                window.popleft()
            if self._is_too_many(len(window)):
                return offset + 1
        return None

    def halt_of(self, position: Position, dataset: str) -> Halt | None:
        """Return why a partition must not be read on from a position, None where it may."""
        tp = TopicPartition(position.topic, position.partition)
        count = sum(o >= position.next_offset - WINDOW for o in self._open.get(tp, ()))
        if not self._is_too_many(count):
            return None
        return Halt(
            Cause.DEAD_LETTERS,
            f"{tp.topic}[{tp.partition}] is paused: {count:,} of its last {WINDOW:,} records are "
            f"dead letters, and LOADER_DEAD_LETTER_LIMIT={self._limit:g} allows "
            f"{allowed(self._limit):,}. `econstream dead-letters list --dataset {dataset}` "
            "says why. Mend the producer; then discard those letters, or raise the limit and start "
            f"the loader again, or pass over the rest: `econstream offsets reset {dataset} "
            f"--to latest --partition {tp.partition}`",
            position,
        )

    def _is_too_many(self, count: int) -> bool:
        return count > allowed(self._limit)
