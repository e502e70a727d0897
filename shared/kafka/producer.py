"""The producer: many records at once, returned from when the broker has acknowledged all."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from shared.errors import ConfigError, EconstreamError, InvalidRecord
from shared.kafka.cluster import Cluster, TopicPartition
from shared.kafka.faults import translated
from shared.kafka.lane import Batch, Lane
from shared.record import Headers, Record

log = logging.getLogger(__name__)

_BATCH_BYTES = 256 * 1024
_RECORD_OVERHEAD = 64
_TURN_RECORDS = 1_000
_STOP_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Published:
    """What the broker has acknowledged: how many, and each partition's last offset of them."""

    count: int
    last_offsets: dict[TopicPartition, int]


class Producer:
    """Publishes records with lz4 and acks=all; an async context manager.

    Records of one key keep their order. Idempotent where the broker can be: then a
    retry inside the client doubles nothing; a call that was answered by Transient
    may have been written and may be repeated, as rows are versions of their keys.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        delivery_timeout: float = 30.0,
        max_record_bytes: int = 1024 * 1024,
    ) -> None:
        self._cluster = cluster
        self._delivery_timeout = delivery_timeout
        self._max_record_bytes = max_record_bytes
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._lanes: dict[TopicPartition, Lane] = {}
        self._retired: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def publish(self, records: Iterable[Record]) -> Published:
        """Send records and return when the broker has acknowledged every one.

        Waits at most the delivery timeout for each batch; holds at most two batches
        of 256 KiB a partition, and blocks meanwhile. Raises Transient where the
        broker is away (some of the records may be written); InvalidRecord for the
        first record that is too large, when all others are acknowledged; ConfigError
        where the broker refuses. Cancelling does not unsend what has left.
        """
        mine: dict[Batch, tuple[Lane, int]] = {}
        lanes: dict[tuple[str, bytes | None], Lane] = {}
        refused: InvalidRecord | None = None
        count = 0
        topic, key, lane, headers, around = "", None, None, None, 0
        for record in records:
            # Most records share all but their value with the one before: look once.
            if record.headers is not headers:
                headers, around = record.headers, _size(record.headers)
            size = around + len(record.key or b"") + len(record.value or b"")
            if size > self._max_record_bytes:
                refused = refused or self._too_large(record, size)
                continue
            if lane is None or record.key != key or record.topic != topic:
                topic, key = place = record.topic, record.key
                lane = lanes.get(place) or lanes.setdefault(place, await self._lane(record))
            while (added := lane.add(record)) is None:
                await lane.room()
            mine[added[0]] = (lane, added[1])
            count += 1
            if count % _TURN_RECORDS == 0:
                # Others of this event loop have their turn.
                await asyncio.sleep(0)
        for busy, _ in mine.values():
            busy.depart()
        last = await _acknowledged(mine)
        if refused is not None:
            raise refused
        return Published(count, last)

    async def stop(self) -> None:
        """Deliver what is under way, then close; bounded by the delivery timeout."""
        for lane in list(self._lanes.values()):
            await lane.settle()
        client, self._client = self._client, None
        if client is not None:
            await _close(client)
        if self._retired:
            await asyncio.wait(self._retired)

    async def _lane(self, record: Record) -> Lane:
        client = await self._connected()
        with translated(f"publishing to {record.topic}"):
            partitions = len(await client.partitions_for(record.topic))
        place = TopicPartition(record.topic, partition_for(record.key, partitions))
        if place not in self._lanes:
            self._lanes[place] = Lane(place, client.create_batch, self._send)
        return self._lanes[place]

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                self._client = await self._open()
        return self._client

    async def _open(self) -> Any:
        client = AIOKafkaProducer(
            **self._cluster.options,
            acks="all",
            compression_type="lz4",
            enable_idempotence=self._cluster.idempotence,
            max_batch_size=_BATCH_BYTES,
            max_request_size=self._max_record_bytes,
        )
        try:
            with translated(f"Kafka at {self._cluster.bootstrap_servers}"):
                async with asyncio.timeout(self._delivery_timeout):
                    await client.start()
        except BaseException:
            await _close(client)
            raise
        return client

    async def _send(self, builder: Any, place: TopicPartition) -> int:
        client = await self._connected()
        builder.close()
        try:
            with translated(f"publishing to {place.topic}[{place.partition}]"):
                async with asyncio.timeout(self._delivery_timeout):
                    sent = await client.send_batch(builder, place.topic, partition=place.partition)
                    return int((await sent).offset)
        except EconstreamError as exc:
            late = isinstance(exc.__cause__, TimeoutError)
            self._retire(client, _abandon if late else _close)
            raise _blamed(exc, builder, place) from exc

    def _retire(self, client: Any, end: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Give up a client whose batch failed: its sequence has a gap, its state is unknown."""
        if client is self._client:
            self._client = None
            closing = asyncio.create_task(end(client))
            self._retired.add(closing)
            closing.add_done_callback(self._retired.discard)

    def _too_large(self, record: Record, size: int) -> InvalidRecord:
        return InvalidRecord(
            "too_large",
            f"a record of {size} bytes for {record.topic} exceeds the {self._max_record_bytes} "
            "that a producer may send",
        )


def partition_for(key: bytes | None, partitions: int) -> int:
    """Return the partition that Java's default partitioner gives a key; None goes to 0."""
    return 0 if key is None else (_murmur2(key) & 0x7FFFFFFF) % partitions


@lru_cache(maxsize=65_536)
def _murmur2(key: bytes) -> int:
    return int(murmur2(key))


def _size(headers: Headers) -> int:
    """Return how much a record takes beside its key and value."""
    return _RECORD_OVERHEAD + sum(len(name) + len(value) + 8 for name, value in headers)


async def _acknowledged(mine: dict[Batch, tuple[Lane, int]]) -> dict[TopicPartition, int]:
    """Wait for every batch; a lasting error is raised only where no other error hides it."""
    if mine:
        await asyncio.wait({batch.base_offset for batch in mine})
    faults = [fault for batch in mine if (fault := batch.base_offset.exception())]
    if faults:
        raise min(faults, key=lambda fault: isinstance(fault, InvalidRecord))
    last: dict[TopicPartition, int] = {}
    for batch, (lane, index) in mine.items():
        offset = batch.base_offset.result() + index
        last[lane.partition] = max(offset, last.get(lane.partition, 0))
    return last


def _blamed(exc: EconstreamError, builder: Any, place: TopicPartition) -> EconstreamError:
    if isinstance(exc, InvalidRecord) and builder.record_count() > 1:
        return ConfigError(
            f"topic {place.topic} refuses a batch of {builder.record_count()} small records: "
            f"raise its max.message.bytes above {_BATCH_BYTES}"
        )
    return exc


async def _close(client: Any) -> None:
    """Close a client when all it holds is delivered, or after a bound."""
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as exc:
        log.debug("a producer did not close cleanly: %r", exc)
        await _abandon(client)


async def _abandon(client: Any) -> None:
    """Close a client and drop what it holds, which aiokafka itself would try for ever."""
    client._message_accumulator.fail_all(KafkaError("given up"))  # noqa: SLF001 - no public way
    stopping = asyncio.create_task(client._sender.close())  # noqa: SLF001 - no public way
    await client.client.close()
    await asyncio.wait({stopping}, timeout=_STOP_WITHIN_S)
    await client.stop()
    await client.client.close()
