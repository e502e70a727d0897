"""Where partitions begin and end, asked of the broker without joining a group."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    LeaderNotAvailableError,
    NoError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from shared.errors import ConfigError, Transient
from shared.kafka.cluster import Cluster, TopicPartition, close_whole
from shared.kafka.faults import translated

_READ_COMMITTED = 1
_LATEST = -1
_EARLIEST = -2
# Fetched past every end, a partition tells its high watermark and sends no record. The
# embedded broker answers a wait of 0 ms with nothing at all.
_PAST_THE_END = 2**62
_FETCH_WAIT_MS = 20
# The leaders of all topics are told at once, which takes a while where there are hundreds.
_LEADERS_FOR_S = 5.0
# A broker that has just been made leader, of a new topic or of one that moved, may not know yet.
_SETTLING = (LeaderNotAvailableError, NotLeaderForPartitionError, UnknownTopicOrPartitionError)
_SETTLED_WITHIN_S = 3.0
_SETTLING_PAUSE_S = 0.1


class _Unsettled(Transient):
    """Who leads a partition has just changed."""


class Watermarks:
    """Reads first and end offsets of any partitions; an async context manager.

    It connects at the first question. Every method asks the partitions' leaders in
    parallel, again for 3 s while leaders change, and raises Transient where one does not
    answer or a partition does not exist.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._known_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later question opens them again."""
        client, self._client = self._client, None
        if client is not None:
            await close_whole(client)

    async def partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        """Return all partitions of topics, as known some seconds ago at most.

        Topics that do not exist have none. Creates nothing.
        """
        with translated(f"partitions from Kafka at {self._cluster.bootstrap_servers}"):
            client = await self._connected()
            await self._refresh(client)
        return [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in sorted(client.cluster.partitions_for_topic(topic) or ())
        ]

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset that follows each partition's last committed record.

        It is where a reader of committed records comes to rest, 0 in an empty partition.
        """
        if self._cluster.list_offsets:
            return await self._listed(dict.fromkeys(partitions, _LATEST))
        return await self._fetched(partitions)

    async def beginning_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return the offset of the oldest record that each partition still holds."""
        return await self._listed(dict.fromkeys(partitions, _EARLIEST))

    async def offsets_at(
        self, moments_ms: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Return each partition's first offset stamped at or past a moment, else its end.

        Raises ConfigError on the embedded broker, which cannot tell.
        """
        if not self._cluster.list_offsets:
            raise ConfigError(
                "the embedded broker cannot look up offsets by time; give an offset, "
                "or set KAFKA_BOOTSTRAP_SERVERS to an Apache Kafka"
            )
        found = await self._listed(moments_ms)
        later = await self.end_offsets(tp for tp, offset in found.items() if offset < 0)
        return found | later

    async def _listed(self, moments: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        wanted = {tp: (moment,) for tp, moment in moments.items()}
        answers = await self._ask(wanted, lambda topics: OffsetRequest(-1, _READ_COMMITTED, topics))
        return {tp: offset for tp, (_timestamp, offset) in answers.items()}

    async def _fetched(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = dict.fromkeys(partitions, (_PAST_THE_END, 1))
        answers = await self._ask(
            wanted, lambda topics: FetchRequest(_FETCH_WAIT_MS, 0, 1, _READ_COMMITTED, topics)
        )
        return {tp: highwater for tp, (highwater, *_) in answers.items()}

    async def _ask(
        self, wanted: Mapping[TopicPartition, tuple[int, ...]], request: Any
    ) -> dict[TopicPartition, tuple[Any, ...]]:
        until = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            try:
                return await self._ask_once(wanted, request) if wanted else {}
            except _Unsettled:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(_SETTLING_PAUSE_S)

    async def _ask_once(
        self, wanted: Mapping[TopicPartition, tuple[int, ...]], request: Any
    ) -> dict[TopicPartition, tuple[Any, ...]]:
        with translated(f"offsets from Kafka at {self._cluster.bootstrap_servers}"):
            client = await self._connected()
            leaders = await self._leaders(client, wanted)
            # Only a whole answer shows that they still lead.
            known_until, self._known_until = self._known_until, 0.0
            answers = await asyncio.gather(
                *(client.send(node, request(topics)) for node, topics in leaders.items())
            )
        found: dict[TopicPartition, tuple[Any, ...]] = {}
        for answer in answers:
            for topic, parts in answer.topics:
                for partition, code, *fields in parts:
                    tp = TopicPartition(topic, partition)
                    self._refused(tp, code, wanted[tp])
                    found[tp] = tuple(fields)
        if silent := wanted.keys() - found.keys():
            raise Transient(f"the broker told no offsets of {sorted(silent)}; ask again")
        self._known_until = known_until
        return found

    def _refused(self, tp: TopicPartition, code: int, _asked: tuple[int, ...]) -> None:
        """Raise what an answer says is wrong with a partition, if it does."""
        error = for_code(code)
        if error is not NoError:
            kind = _Unsettled if issubclass(error, _SETTLING) else Transient
            raise kind(f"{tp.topic}[{tp.partition}] has no offsets to tell: {error.__name__}")

    async def _connected(self) -> Any:
        """Return a client that has found a broker."""
        async with self._connecting:
            if self._client is None:
                client = AIOKafkaClient(**self._cluster.options)
                try:
                    await client.bootstrap()
                except BaseException:
                    await client.close()
                    raise
                self._client, self._known_until = client, 0.0
        return self._client

    async def _leaders(
        self, client: Any, wanted: Mapping[TopicPartition, tuple[int, ...]]
    ) -> dict[int, list[tuple[str, list[tuple[int, ...]]]]]:
        """Return what to ask of whom."""
        await self._refresh(client)
        try:
            return _by_leader(client.cluster, wanted)
        except Transient:
            self._known_until = 0.0
            await self._refresh(client)
            return _by_leader(client.cluster, wanted)

    async def _refresh(self, client: Any) -> None:
        """Learn what topics there are and who leads them, unless that was a moment ago."""
        if time.monotonic() >= self._known_until:
            await client.force_metadata_update()
            self._known_until = time.monotonic() + _LEADERS_FOR_S


def _by_leader(
    metadata: Any, wanted: Mapping[TopicPartition, tuple[int, ...]]
) -> dict[int, list[tuple[str, list[tuple[int, ...]]]]]:
    nodes: dict[int, dict[str, list[tuple[int, ...]]]] = defaultdict(lambda: defaultdict(list))
    for tp, fields in wanted.items():
        leader = metadata.leader_for_partition(tp)
        if leader is None:
            raise Transient(f"{tp.topic}[{tp.partition}] does not exist")
        if leader < 0:
            raise _Unsettled(f"{tp.topic}[{tp.partition}] has no leader")
        nodes[leader][tp.topic].append((tp.partition, *fields))
    return {node: list(topics.items()) for node, topics in nodes.items()}
