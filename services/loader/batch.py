"""Polled messages gathered into batches of one topic each, with the step their offsets take."""

import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.database.base import Move, Position
from shared.dataset import Dataset
from shared.kafka import TopicPartition
from shared.messages import Messages
from shared.record import Message

_LEAST_BYTES = 4 * 1024 * 1024
_ROW_BYTES = 420


Group = tuple[str, int]
"""A topic and a lane: what one batch is gathered of."""

SeenEnd = Callable[[TopicPartition], int | None]
"""Says where a partition ended when it was last asked for records, None where it was not."""


def batch_bytes(rows: int) -> int:
    """Return how much a batch of so many rows may hold: large messages make smaller ones."""
    return max(_LEAST_BYTES, rows * _ROW_BYTES)


def pending_bytes(rows: int) -> int:
    """Return how much is gathered of all topics; with more of it no batch waits to be filled."""
    return 2 * batch_bytes(rows)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages of one topic in order of arrival, and how far they carry each partition.

    lane   which of the lanes its partitions belong to
    bytes  how much the messages hold, roughly
    """

    lane: int
    dataset: Dataset
    messages: Sequence[Message]
    moves: Sequence[Move]
    bytes: int = 0


@dataclass(slots=True)
class _Pending:
    since: float
    blocks: list[Messages] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    last: dict[TopicPartition, Message] = field(default_factory=dict)

    def add(self, tp: TopicPartition, messages: Messages) -> None:
        self.blocks.append(messages)
        self.rows += len(messages)
        self.bytes += messages.size_bytes
        self.last[tp] = messages[-1]


class Gatherer:
    """Gathers messages until a batch is full or has waited long enough.

    `heads` are the positions after everything handed out so far; a chunk's moves begin
    there, so that chunks of a lane must be written in the order in which they are handed
    out. Every partition belongs to one of the `lanes`.
    """

    def __init__(
        self, datasets: Mapping[str, Dataset], *, rows: int, seconds: float, lanes: int = 1
    ) -> None:
        self._datasets = datasets
        self._rows = rows
        self._seconds = seconds
        self._lanes = lanes
        self._pending: dict[Group, _Pending] = {}
        self._behind: set[Group] = set()
        self.heads: dict[TopicPartition, Position] = {}

    def lane_of(self, tp: TopicPartition) -> int:
        """Return the lane that a partition belongs to; the same for the like of all topics."""
        return tp.partition % self._lanes

    def begin(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Forget all that is pending and begin at these positions."""
        self._pending.clear()
        self._behind.clear()
        self.heads = dict(positions)

    def add(
        self,
        polled: Mapping[TopicPartition, Messages],
        reached: Mapping[TopicPartition, int],
    ) -> None:
        """Take in what a poll brought, and where each partition stood right after it."""
        for tp, offset in reached.items():
            messages = polled.get(tp)
            head = self.heads.get(tp)
            if head is None or (messages is None and offset <= self._end(tp, head)):
                continue
            group = (tp.topic, self.lane_of(tp))
            pending = self._pending.get(group)
            if pending is None:
                pending = self._pending[group] = _Pending(time.monotonic())
            pending.ends[tp] = offset
            if messages is not None:
                pending.add(tp, messages)

    def take(self, lanes: Collection[int], seen_end: SeenEnd) -> list[Chunk]:
        """Return the chunks of these lanes that are due: full, or old enough, or a backlog's rest.

        The rest is what came after a full one, once its partitions are read to their `seen_end`.
        In a steady trickle no batch is full, so that all wait.
        """
        now = time.monotonic()
        gathered = sum(pending.bytes for pending in self._pending.values())
        if gathered >= pending_bytes(self._rows):
            now = float("inf")
        due = [
            group
            for group in self._pending
            if group[1] in lanes and self._due_at(group, seen_end) <= now
        ]
        return [self._chunk(*group) for group in due]

    def wait_seconds(self, lanes: Collection[int], seen_end: SeenEnd) -> float:
        """Return how long a poll may wait until a chunk of these lanes is due."""
        due = [self._due_at(group, seen_end) for group in self._pending if group[1] in lanes]
        return max(0.0, min([self._seconds, *(at - time.monotonic() for at in due)]))

    def _due_at(self, group: Group, seen_end: SeenEnd) -> float:
        pending = self._pending[group]
        if self._is_full(pending) or (group in self._behind and self._at_end(group, seen_end)):
            return pending.since
        return pending.since + self._seconds

    def _at_end(self, group: Group, seen_end: SeenEnd) -> bool:
        """Return whether all partitions of a group were read as far as they are known to go."""
        return all(
            (end := seen_end(tp)) is not None and self._end(tp, head) >= end
            for tp, head in self.heads.items()
            if (tp.topic, self.lane_of(tp)) == group
        )

    def _is_full(self, pending: _Pending) -> bool:
        return pending.rows >= self._rows or pending.bytes >= batch_bytes(self._rows)

    def _end(self, tp: TopicPartition, head: Position) -> int:
        pending = self._pending.get((tp.topic, self.lane_of(tp)))
        return pending.ends.get(tp, head.next_offset) if pending else head.next_offset

    def _chunk(self, topic: str, lane: int) -> Chunk:
        pending, moves = self._pending.pop((topic, lane)), []
        (self._behind.add if self._is_full(pending) else self._behind.discard)((topic, lane))
        for tp, offset in pending.ends.items():
            start = self.heads[tp]
            end = after(start, offset, pending.last.get(tp))
            moves.append(Move(start, end))
            self.heads[tp] = end
        messages = Messages.joined(pending.blocks) if pending.blocks else ()
        return Chunk(lane, self._datasets[topic], messages, moves, pending.bytes)


def after(start: Position, offset: int, last: Message | None) -> Position:
    """Return the position past a batch; it remembers the last record to know the topic by."""
    if last is None:
        return replace(start, next_offset=offset)
    return replace(
        start,
        next_offset=offset,
        last_offset=last.offset,
        last_timestamp_ms=last.timestamp_ms,
        last_crc32=zlib.crc32(last.value or b""),
    )
