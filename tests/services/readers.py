"""Consumers for tests: a listener that answers as told, and records collected to a count."""

from collections.abc import Mapping

from shared.kafka import Consumer, TopicPartition
from shared.record import Message
from tests.waiting import until


class Listener:
    """Begins where it is told, at the oldest record elsewhere, and remembers what it was told."""

    def __init__(self, starts: Mapping[TopicPartition, int] | None = None) -> None:
        self.starts = dict(starts or {})
        self.assigned: list[frozenset[TopicPartition]] = []
        self.revoked: list[frozenset[TopicPartition]] = []

    async def on_assigned(
        self, partitions: frozenset[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        self.assigned.append(partitions)
        return {tp: at for tp, at in self.starts.items() if tp in partitions}

    async def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        self.revoked.append(partitions)


async def collect(consumer: Consumer, count: int, within: float = 20.0) -> list[Message]:
    """Return the consumer's next records, at least `count` of them."""
    found: list[Message] = []

    async def enough() -> bool:
        for messages in (await consumer.getmany(timeout_ms=100)).values():
            found.extend(messages)
        return len(found) >= count

    await until(enough, within)
    return found


async def hold(consumer: Consumer, partitions: int, within: float = 20.0) -> None:
    """Poll until the consumer holds that many partitions, none of which has records."""

    async def holds() -> bool:
        assert not await consumer.getmany(timeout_ms=50)
        return len(consumer.assignment) == partitions

    await until(holds, within)
