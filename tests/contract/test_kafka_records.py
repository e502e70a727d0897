"""What is published is read again, whole and in order, on every broker."""

import asyncio

import pytest

from shared.errors import InvalidRecord
from shared.kafka import (
    Cluster,
    Consumer,
    Producer,
    TopicPartition,
    TopicSpec,
    Watermarks,
    ensure_topics,
    partition_for,
)
from shared.record import Record
from tests.services.readers import Listener, collect


@pytest.fixture
async def topic(each_cluster: Cluster, topic_prefix: str) -> str:
    """A new, empty topic of three partitions."""
    name = f"{topic_prefix}bars"
    await ensure_topics(each_cluster, [TopicSpec(name, partitions=3)])
    return name


def _reader(cluster: Cluster, topic: str, listener: Listener | None = None) -> Consumer:
    return Consumer(
        cluster, group_id=f"{topic}-readers", topics=[topic], listener=listener or Listener()
    )


async def test_a_record_comes_back_as_it_was_sent(each_cluster: Cluster, topic: str) -> None:
    headers = (("as_of", b"2024-01-02T21:00:00Z"), ("source", b""))
    sent = Record(topic, "Überkey".encode(), b'{"close":1.5}', headers, 1_704_229_200_123)
    async with Producer(each_cluster) as producer, _reader(each_cluster, topic) as consumer:
        await producer.publish([sent])
        (got,) = await collect(consumer, 1)
    assert (got.topic, got.key, got.value, got.headers, got.timestamp_ms) == (
        sent.topic,
        sent.key,
        sent.value,
        sent.headers,
        sent.timestamp_ms,
    )


async def test_a_tombstone_has_no_value(each_cluster: Cluster, topic: str) -> None:
    async with Producer(each_cluster) as producer, _reader(each_cluster, topic) as consumer:
        await producer.publish([Record(topic, b"gone", None)])
        (got,) = await collect(consumer, 1)
    assert (got.key, got.value, got.headers) == (b"gone", None, ())


async def test_acknowledged_offsets_are_those_read(each_cluster: Cluster, topic: str) -> None:
    records = [Record(topic, b"key-%d" % (i % 7), b"%d" % i) for i in range(500)]
    async with Producer(each_cluster) as producer:
        first = await producer.publish(records[:200])
        second = await producer.publish(records[200:])
    async with _reader(each_cluster, topic) as consumer:
        got = await collect(consumer, 500)
    assert (first.count, second.count) == (200, 300)
    for published, upto in ((first, 200), (second, 500)):
        last = {}
        for message in got:
            if message.value is not None and int(message.value) < upto:
                last[TopicPartition(message.topic, message.partition)] = message.offset
        assert published.last_offsets == last


async def test_a_key_keeps_its_partition_and_its_order(each_cluster: Cluster, topic: str) -> None:
    """Over several full batches a partition, so that some wait while others are on their way."""
    padding = b"x" * 1_000
    records = [Record(topic, b"key-%d" % (i % 5), b"%d:%b" % (i, padding)) for i in range(2_000)]
    async with Producer(each_cluster) as producer, _reader(each_cluster, topic) as consumer:
        published = await producer.publish(iter(records))
        got = await collect(consumer, 2_000)
    assert published.count == len(got) == 2_000
    for key in {record.key for record in records}:
        mine = [message for message in got if message.key == key]
        assert {message.partition for message in mine} == {partition_for(key, 3)}
        assert [m.value for m in mine] == [r.value for r in records if r.key == key]


async def test_publishers_at_once_get_offsets_of_their_own(
    each_cluster: Cluster, topic: str
) -> None:
    async with Producer(each_cluster) as producer:
        done = await asyncio.gather(
            *(producer.publish([Record(topic, b"same", b"%d" % i)]) for i in range(300))
        )
    place = TopicPartition(topic, partition_for(b"same", 3))
    assert sorted(published.last_offsets[place] for published in done) == list(range(300))


async def test_nothing_published_is_nothing_acknowledged(each_cluster: Cluster, topic: str) -> None:
    async with Producer(each_cluster) as producer:
        published = await producer.publish([])
    assert (published.count, published.last_offsets) == (0, {})


async def test_a_record_too_large_is_refused_alone(each_cluster: Cluster, topic: str) -> None:
    records = [
        Record(topic, b"k", b"1"),
        Record(topic, b"k", b"x" * 5_000),
        Record(topic, b"k", b"2"),
    ]
    async with Producer(each_cluster, max_record_bytes=4_096) as producer:
        with pytest.raises(InvalidRecord, match=r"5\d+ bytes.*4096") as refused:
            await producer.publish(records)
        later = await producer.publish([Record(topic, b"k", b"3")])
    assert refused.value.code == "too_large"
    assert later.last_offsets == {TopicPartition(topic, partition_for(b"k", 3)): 2}


async def test_ends_are_true_after_batches_and_in_empty_partitions(
    each_cluster: Cluster, topic: str
) -> None:
    partitions = [TopicPartition(topic, number) for number in range(3)]
    key = next(k for k in map(str.encode, map(str, range(99))) if partition_for(k, 3) == 1)
    async with Producer(each_cluster) as producer, Watermarks(each_cluster) as watermarks:
        before = await watermarks.end_offsets(partitions)
        await producer.publish([Record(topic, key, b"x" * 1_000)] * 1_000)
        after = await watermarks.end_offsets(partitions)
        beginning = await watermarks.beginning_offsets(partitions)
    assert list(before.values()) == [0, 0, 0]
    assert [after[tp] for tp in partitions] == [0, 1_000, 0]
    assert list(beginning.values()) == [0, 0, 0]


async def test_an_empty_topic_is_caught_up_at_once(each_cluster: Cluster, topic: str) -> None:
    listener = Listener()
    async with _reader(each_cluster, topic, listener) as consumer:
        await collect(consumer, 0)
        while not consumer.assignment:
            assert not await consumer.getmany()
        assert await consumer.positions() == await consumer.end_offsets()
        assert sum((await consumer.end_offsets()).values()) == 0
