"""The consumer: a group's member whose offsets belong to somebody else, the database."""

import asyncio
import logging
import re
import time
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.errors import Transient
from shared.kafka.cluster import Cluster, TopicPartition
from shared.kafka.faults import translated
from shared.kafka.fetched import BLOCK_ROWS, Blocks
from shared.kafka.header_names import HeaderNameNotText, read_batch
from shared.kafka.membership import AssignmentListener, Membership
from shared.kafka.watermarks import Watermarks
from shared.messages import Messages

log = logging.getLogger(__name__)

_NEW_TOPICS_WITHIN_MS = 5_000
_FETCH_BYTES = 4 * 1024 * 1024
# A partition is asked for again only when the broker has answered the fetch under way, which
# waits this long where the others in it have nothing new.
_FETCH_WAIT_MS = 100
_NOWHERE = KafkaPartition("", -1)
_BLOCKS = 100
_COMMIT_WITHIN_S = 5.0
_READ_WITHIN_S = 10.0
_STOP_WITHIN_S = 20.0


class Consumer:
    """A member of a consumer group that reads committed records; an async context manager.

    It never commits by itself. Topics are subscribed to by name, also those that
    are made later (found within five seconds); subscribing creates none.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        group_id: str,
        topics: Iterable[str],
        listener: AssignmentListener,
        silence: float = 15.0,
    ) -> None:
        """Prepare a member; `silence`: seconds without any answer that `getmany` bears."""
        self._cluster = cluster
        self._group_id = group_id
        self._topics = frozenset(topics)
        self._listener = listener
        self._watermarks = Watermarks(cluster)
        self._silence = silence
        self._quiet = 0.0
        self._inner: Any = None
        self._blocks = Blocks()
        self._membership: Membership

    async def __aenter__(self) -> Self:
        """Connect and ask to join the group; partitions come with later calls of `getmany`.

        Raises Transient where the broker is away, ConfigError where it refuses.
        """
        self._inner = AIOKafkaConsumer(
            **self._cluster.options,
            **_group_options(self._cluster, self._group_id),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            metadata_max_age_ms=_NEW_TOPICS_WITHIN_MS,
        )
        self._membership = Membership(self._inner, self._listener)
        try:
            with translated(f"Kafka at {self._cluster.bootstrap_servers}"):
                await self._inner.start()
        except BaseException:
            await self._inner.stop()
            raise
        self._blocks.install(self._inner)
        # A pattern, since a subscription by names makes the broker create the missing ones.
        names = "|".join(re.escape(name) for name in sorted(self._topics))
        self._inner.subscribe(pattern=f"^(?:{names})$", listener=self._membership)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are held and whose beginning is settled."""
        return self._membership.held

    @property
    def settled(self) -> bool:
        """Whether the group has said which partitions this member has, perhaps none."""
        return self._membership.settled

    async def getmany(
        self,
        partitions: Collection[TopicPartition] | None = None,
        *,
        timeout_ms: int = 200,
        max_records: int | None = None,
    ) -> dict[TopicPartition, Messages]:
        """Return the next records of each partition, in order; empty where none came in time.

        Given `max_records`, so many of one partition at most; else all that were fetched.

        Given `partitions`, only of these: what was fetched of the others is kept for later,
        where `pause` would drop it. Given none of them it is a sign of life and no more, and
        without one the group holds this member for dead after five minutes.

        Places new partitions first, by `on_assigned`. Raises what the listener raised;
        OffsetOutOfRange where a partition must be sought elsewhere; Transient where
        the broker fails or has not answered for long, so that a consumer never stands
        still unsaid. Cancelling loses nothing: positions move on return only.
        """
        await self._membership.place()
        asked = self.assignment if partitions is None else frozenset(partitions)
        started = time.monotonic()
        with translated(f"consuming as {self._group_id}"):
            polled = await self._polled(partitions, timeout_ms, max_records)
        if polled or (partitions is not None and not asked):
            self._quiet = 0.0
        else:
            self._quiet += time.monotonic() - started
        if self._quiet > self._silence:
            self._doubt(asked)
        return polled

    async def positions(self) -> dict[TopicPartition, int]:
        """Return the offset that each held partition is read from next.

        Right after `getmany` it is what to store for that batch: it stands past
        transaction markers, also where a fetch brought no record. Never blocks.
        """
        found = {}
        for tp in self.assignment:
            try:
                found[tp] = await self._inner.position(KafkaPartition(*tp))
            except IllegalStateError:
                log.debug("%s[%d] is being taken away", *tp)
        return found

    def seen_end(self, partition: TopicPartition) -> int | None:
        """Return where committed records ended when a partition was last fetched, if it was."""
        tp = KafkaPartition(*partition)
        if tp not in self._inner.assignment():
            return None
        stable: int | None = self._inner.last_stable_offset(tp)
        end: int | None = self._inner.highwater(tp) if stable in (None, -1) else stable
        return end

    async def end_offsets(
        self, partitions: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, int]:
        """Return where partitions end (all that are held, unless some are named).

        A partition is caught up when its position has reached this, also an empty one.
        Raises Transient where the broker does not answer.
        """
        return await self._watermarks.end_offsets(
            self.assignment if partitions is None else partitions
        )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read a partition from `offset` next; nothing happens where it is no longer held."""
        self._membership.seek(partition, offset)

    def pause(self, *partitions: TopicPartition) -> None:
        """Hand on no records of these until `resume` or the next assignment."""
        self._membership.pause(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Hand on records of these again."""
        self._membership.resume(partitions)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit offsets to the group, for monitoring; False where the broker did not take them.

        Those of partitions that are no longer held are left to whoever holds them.
        Bounded to five seconds, and never raises for the broker's sake.
        """
        wanted = {KafkaPartition(*tp): at for tp, at in offsets.items() if tp in self.assignment}
        if not wanted:
            return True
        try:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                await self._inner.commit(wanted)
        except (KafkaError, OSError, TimeoutError) as exc:
            log.debug("offsets were not committed for monitoring: %r", exc)
            return False
        return True

    async def stop(self) -> None:
        """Hand partitions back through `on_revoked`, leave the group and close; bounded."""
        try:
            await self._membership.hand_back()
        finally:
            await self._watermarks.close()
            await _leave(self._inner)

    async def _polled(
        self,
        partitions: Collection[TopicPartition] | None,
        timeout_ms: int,
        max_records: int | None,
    ) -> dict[TopicPartition, Messages]:
        self._blocks.rows = max_records or BLOCK_ROWS
        wanted = [KafkaPartition(*tp) for tp in partitions or ()]
        if partitions is not None and not wanted:
            wanted = [_NOWHERE]  # to aiokafka, none given means all
        polled: dict[TopicPartition, list[Messages]] = {}
        more = await self._next_block(wanted, timeout_ms)
        while more is not None:
            polled.setdefault(more[0], []).append(more[1])
            enough = max_records is not None or sum(map(len, polled.values())) >= _BLOCKS
            more = None if enough else await self._next_block(wanted, 0)
        return {tp: Messages.joined(blocks) for tp, blocks in polled.items()}

    async def _next_block(
        self, wanted: list[KafkaPartition], timeout_ms: int
    ) -> tuple[TopicPartition, Messages] | None:
        """Return the next block of some partition; one at a time, or an error would lose others."""
        # aiokafka waits without a bound while the group rebalances.
        try:
            async with asyncio.timeout(timeout_ms / 1000 + 0.05):
                polled: dict[Any, list[Messages]] = await self._inner.getmany(
                    *wanted, timeout_ms=timeout_ms, max_records=1
                )
        except TimeoutError:
            return None
        except HeaderNameNotText as at:
            async with asyncio.timeout(_READ_WITHIN_S):
                block, end = await read_batch(self._inner._client, at, _FETCH_BYTES)  # noqa: SLF001
            self._membership.seek(at.partition, end)
            return at.partition, block
        return next(((TopicPartition(*tp), blocks[0]) for tp, blocks in polled.items()), None)

    def _doubt(self, asked: frozenset[TopicPartition]) -> None:
        """Tell silence of the broker from silence of the producers; raises Transient."""
        at = f"Kafka at {self._cluster.bootstrap_servers}"
        if not self._membership.joined:
            if self._quiet < self._silence + self._cluster.rebalance_timeout_ms / 1000:
                return
            self._quiet = 0.0
            raise Transient(f"group {self._group_id} cannot be joined yet; see the log of {at}")
        self._quiet = 0.0
        heard_ms = [
            self._inner.last_poll_timestamp(KafkaPartition(*tp)) or 0
            for tp in self._membership.reading & asked
        ]
        if heard_ms and time.time() - min(heard_ms) / 1000 > self._silence:
            raise Transient(f"{at} has answered no fetch for {self._silence:.0f} s and more")


async def _leave(inner: Any) -> None:
    """Leave the group and close, within a bound.

    In a task of its own: with the broker away, aiokafka ends its `stop` by a
    CancelledError that nobody asked for, before it has closed its connections.
    """
    leaving = asyncio.create_task(inner.stop())
    await asyncio.wait({leaving}, timeout=_STOP_WITHIN_S)
    if leaving.done() and not leaving.cancelled() and leaving.exception() is None:
        return
    leaving.cancel()
    log.warning("the consumer did not leave its group cleanly; the broker may be away")
    await inner._client.close()  # noqa: SLF001 - no public way


def _group_options(cluster: Cluster, group_id: str) -> dict[str, Any]:
    session_ms = cluster.session_timeout_ms
    return {
        "group_id": group_id,
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": min(3_000, session_ms // 4),
        "rebalance_timeout_ms": cluster.rebalance_timeout_ms,
    }
