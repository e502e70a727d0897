"""Partitions that are not read on until what is wrong with them is mended, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.database.base import Position
from shared.kafka import TopicPartition
from shared.observability import get_logger

_log = get_logger(__name__)


class Cause(StrEnum):
    """What keeps a partition from being read on.

    DEAD_LETTERS    too many of its last records are dead letters
    SCHEMA_VERSION  its next record is of a schema that this loader does not know
    TOPIC           the topic is not the one that was read before
    RANGE           the topic does not hold the offset to be read next
    """

    DEAD_LETTERS = "dead_letters"
    SCHEMA_VERSION = "schema_version"
    TOPIC = "topic"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a partition is paused and what to do about it; `position` is where it stands."""

    cause: Cause
    reason: str
    position: Position


class Halts:
    """The paused partitions of one loader, and what it says of each."""

    def __init__(self) -> None:
        self._halts: dict[TopicPartition, Halt] = {}
        self._said: dict[TopicPartition, str] = {}

    def add(self, tp: TopicPartition, halt: Halt) -> None:
        """Pause a partition; what it was said before is not said again."""
        self._halts[tp] = halt
        if self._said.get(tp) != halt.reason:
            self._said[tp] = halt.reason
            _log.error("a partition is paused", cause=halt.cause.value, reason=halt.reason)

    def lift(self, tp: TopicPartition) -> None:
        """Let a partition go on, if it was paused."""
        if self._halts.pop(tp, None) is not None:
            self._said.pop(tp, None)
            _log.warning("a paused partition goes on", topic=tp.topic, partition=tp.partition)

    def clear(self) -> None:
        """Forget all, since the partitions have changed hands."""
        self._halts.clear()

    def get(self, tp: TopicPartition) -> Halt | None:
        return self._halts.get(tp)

    def __contains__(self, tp: object) -> bool:
        return tp in self._halts

    def __iter__(self) -> Iterator[TopicPartition]:
        return iter(tuple(self._halts))

    def __len__(self) -> int:
        return len(self._halts)

    @property
    def reasons(self) -> list[str]:
        """What is wrong and what to do, a line a partition."""
        return [self._halts[tp].reason for tp in sorted(self._halts)]
