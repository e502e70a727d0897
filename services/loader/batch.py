"""Polled messages gathered into batches, each of one topic, with the step its offsets take."""

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.database.base import Move, Position
from shared.dataset import Dataset
from shared.kafka import TopicPartition
from shared.record import Message


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages of one topic in order of arrival, and how far they carry each partition."""

    dataset: Dataset
    messages: Sequence[Message]
    moves: Sequence[Move]


@dataclass(slots=True)
class _Pending:
    since: float
    messages: list[Message] = field(default_factory=list)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    last: dict[TopicPartition, Message] = field(default_factory=dict)


class Gatherer:
    """Gathers messages until a batch is full or has waited long enough.

    `heads` are the positions after everything handed out so far; a chunk's moves begin
    there, so that chunks must be written in the order in which they are handed out.
    """

    def __init__(self, datasets: Mapping[str, Dataset], *, rows: int, seconds: float) -> None:
        self._datasets = datasets
        self._rows = rows
        self._seconds = seconds
        self._pending: dict[str, _Pending] = {}
        self.heads: dict[TopicPartition, Position] = {}

    def begin(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Forget all that is pending and begin at these positions."""
        self._pending.clear()
        self.heads = dict(positions)

    def add(
        self,
        polled: Mapping[TopicPartition, Sequence[Message]],
        reached: Mapping[TopicPartition, int],
    ) -> None:
        """Take in what a poll brought, and where each partition stood right after it."""
        for tp, offset in reached.items():
            messages = polled.get(tp, ())
            head = self.heads.get(tp)
            if head is None or (not messages and offset <= self._end(tp, head)):
                continue
            pending = self._pending.setdefault(tp.topic, _Pending(time.monotonic()))
            pending.messages.extend(messages)
            pending.ends[tp] = offset
            if messages:
                pending.last[tp] = messages[-1]

    def take(self, *, everything: bool = False) -> list[Chunk]:
        """Return the chunks that are due: full, old enough, or all of them."""
        now = time.monotonic()
        due = [
            topic
            for topic, pending in self._pending.items()
            if everything
            or len(pending.messages) >= self._rows
            or now - pending.since >= self._seconds
        ]
        return [self._chunk(topic, self._pending.pop(topic)) for topic in due]

    def wait_seconds(self) -> float:
        """Return how long a poll may wait until a chunk is due."""
        if not self._pending:
            return self._seconds
        oldest = min(pending.since for pending in self._pending.values())
        return max(0.0, min(self._seconds, oldest + self._seconds - time.monotonic()))

    def _end(self, tp: TopicPartition, head: Position) -> int:
        pending = self._pending.get(tp.topic)
        return pending.ends.get(tp, head.next_offset) if pending else head.next_offset

    def _chunk(self, topic: str, pending: _Pending) -> Chunk:
        moves = []
        for tp, offset in pending.ends.items():
            start = self.heads[tp]
            end = _after(start, offset, pending.last.get(tp))
            moves.append(Move(start, end))
            self.heads[tp] = end
        return Chunk(self._datasets[topic], pending.messages, moves)


def _after(start: Position, offset: int, last: Message | None) -> Position:
    """Return the position past a batch; it remembers the last record to know the topic by."""
    if last is None:
        return Position(
            start.topic, start.partition, start.epoch, offset,
            start.last_timestamp_ms, start.last_crc32,
        )  # fmt: skip
    crc = zlib.crc32(last.value or b"")
    return Position(start.topic, start.partition, start.epoch, offset, last.timestamp_ms, crc)
