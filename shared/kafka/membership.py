"""Which partitions a group member holds, and the handing over of them without a gap."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.errors import Transient
from shared.kafka.cluster import TopicPartition
from shared.kafka.faults import translated

log = logging.getLogger(__name__)


class AssignmentListener(Protocol):
    """Told which partitions this member has, by the consumer it is given to."""

    async def on_assigned(
        self, partitions: frozenset[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Answer the offset to begin at for each partition now held.

        One left out begins at its oldest record. Runs inside `getmany`, in the
        caller's own task; what it raises, `getmany` raises, and the next `getmany`
        asks again: until it has answered, no record of these partitions is handed on.
        """

    async def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Finish what is under way for partitions that are about to be taken away.

        Called once for each answered `on_assigned`, by a rebalance or by `stop`. Runs
        in another task than `getmany`, which meanwhile returns nothing: it may wait
        for a batch being written. The group waits for it at most the cluster's
        rebalance timeout; after that the partitions have another owner. What it
        raises, the next `getmany` (or this `stop`) raises.
        """


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """A member's partitions: new ones are held back until the listener has placed them."""

    def __init__(self, inner: Any, listener: AssignmentListener) -> None:
        self._inner = inner
        self._listener = listener
        self._generation = 0
        self._unplaced: frozenset[TopicPartition] = frozenset()
        self._paused: set[TopicPartition] = set()
        self._failure: Exception | None = None
        self.held: frozenset[TopicPartition] = frozenset()
        self.joined = False

    @property
    def reading(self) -> frozenset[TopicPartition]:
        """The held partitions that are not paused."""
        return self.held - self._paused

    @property
    def settled(self) -> bool:
        """Whether the group has given this member its partitions, if any, and all are placed."""
        return self.joined and not self._unplaced

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Hold new partitions back.

        They get a position, so that the offsets committed to Kafka are not asked for,
        and a pause, so that nothing is read before the listener has answered.
        """
        fresh = frozenset(assigned)
        for tp in fresh:
            self._inner.pause(tp)
            self._inner.seek(tp, 0)
        self.joined = True
        self._generation += 1
        self._unplaced = frozenset(TopicPartition(*tp) for tp in fresh)

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Hand all partitions back; a failure is kept, since aiokafka would drop it."""
        try:
            await self.hand_back()
        except Exception as exc:  # noqa: BLE001 - raised by the next getmany
            self._failure = exc

    async def hand_back(self) -> None:
        """Tell the listener that every placed partition is leaving."""
        held, self.held = self.held, frozenset()
        self.joined = False
        self._generation += 1
        self._unplaced = frozenset()
        self._paused.clear()
        if held:
            await self._listener.on_revoked(held)

    async def place(self) -> None:
        """Settle where new partitions begin; over again where the group rebalances meanwhile."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        while self._unplaced:
            generation, fresh = self._generation, self._unplaced
            starts = await self._listener.on_assigned(fresh)
            await self._begin(fresh, starts)
            if generation == self._generation:
                self.held, self._unplaced = fresh, frozenset()
                self._inner.resume(*(KafkaPartition(*tp) for tp in fresh - self._paused))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Move a partition's position, where it is still assigned."""
        try:
            self._inner.seek(KafkaPartition(*partition), offset)
        except IllegalStateError:
            log.debug("%s[%d] is no longer held and is not sought", *partition)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Stop reading partitions; also while they are being placed."""
        self._paused.update(partitions)
        self._inner.pause(*(KafkaPartition(*tp) for tp in self.held & self._paused))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Read partitions again."""
        wanted = frozenset(partitions)
        self._paused -= wanted
        self._inner.resume(*(KafkaPartition(*tp) for tp in self.held & wanted))

    async def _begin(
        self, fresh: frozenset[TopicPartition], starts: Mapping[TopicPartition, int]
    ) -> None:
        for tp in fresh & starts.keys():
            self.seek(tp, starts[tp])
        unknown = [KafkaPartition(*tp) for tp in fresh - starts.keys()]
        if not unknown:
            return
        try:
            with translated("asking where partitions begin"):
                if not await self._inner.seek_to_beginning(*unknown):
                    raise Transient("the broker did not say in time where partitions begin")
        except IllegalStateError:
            log.debug("partitions were taken away while being placed")
