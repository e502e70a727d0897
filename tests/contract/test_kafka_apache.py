"""What only Apache Kafka has: transactions, lost offsets, and a life after kill -9."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.errors import InvalidRecord, Transient
from shared.kafka import (
    Cluster,
    Consumer,
    OffsetOutOfRange,
    Producer,
    TopicPartition,
    TopicSpec,
    Watermarks,
    connect,
    ensure_topics,
)
from shared.record import Record
from shared.settings import Settings
from tests.services.kafka.node import KafkaNode
from tests.services.readers import Listener, collect
from tests.waiting import until


@pytest.fixture
async def topic(cluster: Cluster, topic_prefix: str) -> TopicPartition:
    """The only partition of a new topic on Apache Kafka."""
    if cluster.embedded:
        pytest.skip("no Apache Kafka here; the closing line says why")
    name = f"{topic_prefix}only"
    await ensure_topics(cluster, [TopicSpec(name, partitions=1)])
    return TopicPartition(name, 0)


@pytest.fixture
async def transactions(cluster: Cluster, topic: TopicPartition) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**cluster.options, transactional_id=topic.topic) as producer:
        yield producer


def _reader(cluster: Cluster, topic: TopicPartition, listener: Listener) -> Consumer:
    group = f"{topic.topic}-readers"
    return Consumer(cluster, group_id=group, topics=[topic.topic], listener=listener)


async def test_only_committed_records_are_read_and_positions_pass_the_markers(
    cluster: Cluster, topic: TopicPartition, transactions: AIOKafkaProducer
) -> None:
    async with transactions.transaction():
        await transactions.send_and_wait(topic.topic, b"committed", key=b"k")
    await transactions.begin_transaction()
    await transactions.send_and_wait(topic.topic, b"aborted", key=b"k")
    await transactions.abort_transaction()
    async with _reader(cluster, topic, Listener()) as consumer:
        (got,) = await collect(consumer, 1)
        assert got.value == b"committed"

        async def caught_up() -> bool:
            assert not await consumer.getmany(timeout_ms=50)
            return await consumer.positions() == await consumer.end_offsets() == {topic: 4}

        await until(caught_up)


async def test_an_open_transaction_holds_the_end_back(
    cluster: Cluster, topic: TopicPartition, transactions: AIOKafkaProducer
) -> None:
    async with Watermarks(cluster) as watermarks:
        async with transactions.transaction():
            await transactions.send_and_wait(topic.topic, b"open", key=b"k")
            assert await watermarks.end_offsets([topic]) == {topic: 0}

        async def is_past_the_marker() -> bool:
            return await watermarks.end_offsets([topic]) == {topic: 2}

        # The coordinator answers a commit before it has written the partition's marker.
        await until(is_past_the_marker)


async def test_an_offset_that_is_not_held_is_told_until_it_is_sought_elsewhere(
    cluster: Cluster, topic: TopicPartition
) -> None:
    async with Producer(cluster) as producer:
        await producer.publish(Record(topic.topic, b"k", b"%d" % i) for i in range(3))
    async with _reader(cluster, topic, Listener({topic: 99})) as consumer:
        for _ in range(2):
            with pytest.raises(OffsetOutOfRange) as told:
                await collect(consumer, 1)
            assert (told.value.topic, told.value.partition, told.value.offset) == (*topic, 99)
        consumer.seek(topic, 1)
        assert [message.offset for message in await collect(consumer, 2)] == [1, 2]


async def test_topics_that_were_made_a_moment_ago_have_offsets(
    cluster: Cluster, topic_prefix: str
) -> None:
    if cluster.embedded:
        pytest.skip("the embedded broker makes topics at once")
    admin = AIOKafkaAdminClient(**cluster.options)
    await admin.start()
    try:
        async with Watermarks(cluster) as watermarks:
            for turn in range(5):
                names = [f"{topic_prefix}new{turn}-{i}" for i in range(12)]
                await admin.create_topics([NewTopic(name, 6, 1) for name in names])
                places = await watermarks.partitions(names)
                assert await watermarks.end_offsets(places) == dict.fromkeys(places, 0)
    finally:
        await admin.close()


async def test_offsets_are_found_by_time(cluster: Cluster, topic: TopicPartition) -> None:
    async with Producer(cluster) as producer, Watermarks(cluster) as watermarks:
        await producer.publish(
            Record(topic.topic, b"k", b"v", timestamp_ms=1_000 * i) for i in range(1, 6)
        )
        assert await watermarks.offsets_at({topic: 2_500}) == {topic: 2}
        assert await watermarks.offsets_at({topic: 9_000}) == {topic: 5}


async def test_what_the_topic_refuses_as_too_large_is_an_invalid_record(
    cluster: Cluster, topic_prefix: str
) -> None:
    if cluster.embedded:
        pytest.skip("the embedded broker knows no limit")
    spec = TopicSpec(f"{topic_prefix}small", 1, config={"max.message.bytes": "2000"})
    await ensure_topics(cluster, [spec])
    noise = random.Random(3).randbytes(5_000)
    async with Producer(cluster) as producer:
        with pytest.raises(InvalidRecord, match=r"max\.message\.bytes"):
            await producer.publish([Record(spec.name, b"k", noise)])
        published = await producer.publish([Record(spec.name, b"k", b"fits")])
    assert published.last_offsets == {TopicPartition(spec.name, 0): 0}


async def test_producers_and_consumers_outlive_the_broker(kafka_node: KafkaNode) -> None:
    cluster = await connect(Settings(kafka_bootstrap_servers=kafka_node.address))
    topic = TopicPartition("lasting", 0)
    await ensure_topics(cluster, [TopicSpec(topic.topic, partitions=1)])
    async with (
        Producer(cluster, delivery_timeout=2) as producer,
        _reader(cluster, topic, Listener()) as consumer,
    ):
        await producer.publish([Record(topic.topic, b"k", b"before")])
        assert [m.value for m in await collect(consumer, 1)] == [b"before"]
        kafka_node.kill()
        async with asyncio.timeout(15):
            with pytest.raises(Transient, match="lasting"):
                await producer.publish([Record(topic.topic, b"k", b"lost")])
        kafka_node.start()

        async def published() -> int:
            try:
                return (await producer.publish([Record(topic.topic, b"k", b"after")])).count
            except Transient:
                return 0

        await until(published, 30)
        got = await collect(consumer, 1, within=30)
        assert b"after" in {message.value for message in got}
