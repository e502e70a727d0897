"""Polled messages gathered into batches of one topic each, with the step their offsets take."""

import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.database.base import Move, Position
from shared.dataset import Dataset
from shared.kafka import TopicPartition
from shared.messages import Messages
from shared.record import Message

BATCH_BYTES = 4 * 1024 * 1024
"""Large messages make smaller batches, so that memory is bounded by bytes."""

PENDING_BYTES = 2 * BATCH_BYTES
"""All that is gathered of all topics; with more of it no batch waits to be filled."""


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
    messages: Messages
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    last: dict[TopicPartition, Message] = field(default_factory=dict)


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
        self._pending: dict[tuple[str, int], _Pending] = {}
        self.heads: dict[TopicPartition, Position] = {}

    def lane_of(self, tp: TopicPartition) -> int:
        """Return the lane that a partition belongs to; the same for the like of all topics."""
        return tp.partition % self._lanes

    def begin(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Forget all that is pending and begin at these positions."""
        self._pending.clear()
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
                pending = _Pending(time.monotonic(), Messages(tp.topic))
                self._pending[group] = pending
            pending.ends[tp] = offset
            if messages is not None:
                pending.messages.extend(messages)
                pending.last[tp] = messages[-1]

    def take(self, lanes: Collection[int]) -> list[Chunk]:
        """Return the chunks of these lanes that are due: full, or old enough."""
        now = time.monotonic()
        if sum(pending.messages.bytes for pending in self._pending.values()) >= PENDING_BYTES:
            now = float("inf")
        due = [
            (topic, lane)
            for (topic, lane), pending in self._pending.items()
            if lane in lanes and (self._is_full(pending) or now - pending.since >= self._seconds)
        ]
        return [self._chunk(*group, self._pending.pop(group)) for group in due]

    def wait_seconds(self, lanes: Collection[int]) -> float:
        """Return how long a poll may wait until a chunk of these lanes is due."""
        since = [pending.since for (_, lane), pending in self._pending.items() if lane in lanes]
        if not since:
            return self._seconds
        return max(0.0, min(self._seconds, min(since) + self._seconds - time.monotonic()))

    def _is_full(self, pending: _Pending) -> bool:
        messages = pending.messages
        return len(messages) >= self._rows or messages.bytes >= BATCH_BYTES

    def _end(self, tp: TopicPartition, head: Position) -> int:
        pending = self._pending.get((tp.topic, self.lane_of(tp)))
        return pending.ends.get(tp, head.next_offset) if pending else head.next_offset

    def _chunk(self, topic: str, lane: int, pending: _Pending) -> Chunk:
        moves = []
        for tp, offset in pending.ends.items():
            start = self.heads[tp]
            end = after(start, offset, pending.last.get(tp))
            moves.append(Move(start, end))
            self.heads[tp] = end
        messages = pending.messages
        return Chunk(lane, self._datasets[topic], messages, moves, messages.bytes)


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
