"""Reads a whole topic once, as it stands: what a compacted topic is there for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.errors import Transient
from shared.kafka.cluster import Cluster, TopicPartition
from shared.kafka.faults import translated
from shared.kafka.topics import list_partitions
from shared.kafka.watermarks import Watermarks
from shared.record import Message

_WITHIN_S = 30.0


async def read_whole(
    cluster: Cluster, topic: str, after: Mapping[int, int] | None = None
) -> list[Message]:
    """Return the committed records that stand in a topic, those of a partition in order.

    `after` names, by partition, the first offset that is wanted. A topic that does not exist has
    no records. For small topics: all of it is held. Raises Transient where the broker is away or
    the end is not reached within 30 s. Joins no group. Cancelling takes effect when the reading
    has ended, since aiokafka's clients do not close in the middle of connecting.
    """
    reading = asyncio.create_task(_read_whole(cluster, topic, after or {}))
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        await asyncio.gather(reading, return_exceptions=True)
        raise


async def _read_whole(cluster: Cluster, topic: str, after: Mapping[int, int]) -> list[Message]:
    count = (await list_partitions(cluster, [topic])).get(topic, 0)
    places = [TopicPartition(topic, number) for number in range(count)]
    try:
        async with asyncio.timeout(_WITHIN_S), Watermarks(cluster) as marks:
            ends = await marks.end_offsets(places)
            begins = {
                place: max(begin, after.get(place.partition, begin))
                for place, begin in (await marks.beginning_offsets(places)).items()
            }
            left = {KafkaPartition(*tp): end for tp, end in ends.items() if end > begins[tp]}
            starts = {KafkaPartition(*tp): begin for tp, begin in begins.items()}
            return await _read(cluster, starts, left) if left else []
    except TimeoutError as exc:
        raise Transient(f"{topic} was not read to its end within {_WITHIN_S:g} s") from exc


async def _read(cluster: Cluster, starts: dict[Any, int], left: dict[Any, int]) -> list[Message]:
    """Read from the starts to the ends in `left`, which is emptied."""
    client = AIOKafkaConsumer(
        **cluster.options, enable_auto_commit=False, isolation_level="read_committed"
    )
    found: list[Message] = []
    with translated(f"Kafka at {cluster.bootstrap_servers}"):
        try:
            await client.start()
            client.assign(list(left))
            for place in left:
                client.seek(place, starts[place])
            while left:
                for records in (await client.getmany(timeout_ms=200)).values():
                    found += [
                        Message(
                            r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers
                        )
                        for r in records
                    ]
                for place, end in list(left.items()):
                    if await client.position(place) >= end:
                        del left[place]
        finally:
            await client.stop()
    return found
