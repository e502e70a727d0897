"""aiokafka's producer with nothing around it: how fast the messages themselves can go."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from shared.kafka import Cluster, partition_for
from shared.record import Record

_BATCH_BYTES = 256 * 1024


class BareProducer:
    """Sends records in either of the two ways that aiokafka has."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, cluster: Cluster) -> AsyncIterator[Self]:
        """Connect, for the block."""
        client = AIOKafkaProducer(
            **cluster.options,
            acks="all",
            compression_type="lz4",
            enable_idempotence=cluster.idempotence,
            max_batch_size=_BATCH_BYTES,
        )
        await client.start()
        try:
            yield cls(client)
        finally:
            await client.stop()

    async def send(self, records: Sequence[Record]) -> None:
        """Send one record after the other; returns when all are acknowledged."""
        sent = [
            await self._client.send(r.topic, r.value, r.key, headers=list(r.headers))
            for r in records
        ]
        await self._client.flush()
        for future in sent:
            future.result()

    async def batches(self, records: Sequence[Record]) -> None:
        """Fill batches and send each when it is full; returns when all are acknowledged."""
        builders: dict[tuple[str, int], Any] = {}
        sent = []
        counts: dict[str, int] = {}
        for record in records:
            if record.topic not in counts:
                counts[record.topic] = len(await self._client.partitions_for(record.topic))
            place = record.topic, partition_for(record.key, counts[record.topic])
            while not self._added(builders, place, record):
                sent.append(await self._leave(builders.pop(place), place))
        sent += [await self._leave(builder, place) for place, builder in builders.items()]
        for future in sent:
            await future

    def _added(
        self, builders: dict[tuple[str, int], Any], place: tuple[str, int], record: Record
    ) -> bool:
        if place not in builders:
            builders[place] = self._client.create_batch()
        added = builders[place].append(
            timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
        )
        return added is not None

    async def _leave(self, builder: Any, place: tuple[str, int]) -> Any:
        builder.close()
        return await self._client.send_batch(builder, place[0], partition=place[1])
