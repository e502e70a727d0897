"""A consumer begins where its listener says, and moves as it is told, on every broker."""

from collections.abc import Mapping

import pytest

from shared.errors import Transient
from shared.kafka import Cluster, Consumer, Producer, TopicPartition, TopicSpec, ensure_topics
from shared.record import Record
from tests.services.readers import Listener, collect
from tests.waiting import until


@pytest.fixture
async def topic(each_cluster: Cluster, topic_prefix: str) -> str:
    """A topic of one partition with ten records, valued by their offsets."""
    name = f"{topic_prefix}ticks"
    await ensure_topics(each_cluster, [TopicSpec(name, partitions=1)])
    async with Producer(each_cluster) as producer:
        await producer.publish(Record(name, b"k", b"%d" % i) for i in range(10))
    return name


def _reader(cluster: Cluster, topic: str, listener: Listener) -> Consumer:
    return Consumer(cluster, group_id=f"{topic}-readers", topics=[topic], listener=listener)


async def test_begins_where_the_listener_says_and_not_where_kafka_was_told(
    each_cluster: Cluster, topic: str
) -> None:
    only = TopicPartition(topic, 0)
    async with _reader(each_cluster, topic, Listener()) as consumer:
        await collect(consumer, 10)
        assert await consumer.commit({only: 8})
    async with _reader(each_cluster, topic, Listener({only: 3})) as consumer:
        got = await collect(consumer, 7)
    assert [message.offset for message in got] == list(range(3, 10))


async def test_positions_follow_what_was_handed_on(each_cluster: Cluster, topic: str) -> None:
    only = TopicPartition(topic, 0)
    async with _reader(each_cluster, topic, Listener()) as consumer:
        batch = await until(lambda: consumer.getmany(max_records=4))
        assert [message.offset for message in batch[only]] == [0, 1, 2, 3]
        assert await consumer.positions() == {only: 4}
        await collect(consumer, 6)
        assert await consumer.positions() == await consumer.end_offsets() == {only: 10}


async def test_seeks(each_cluster: Cluster, topic: str) -> None:
    only = TopicPartition(topic, 0)
    async with _reader(each_cluster, topic, Listener()) as consumer:
        await collect(consumer, 10)
        consumer.seek(only, 6)
        again = await collect(consumer, 4)
        consumer.seek(TopicPartition(topic, 99), 0)
    assert [message.offset for message in again] == [6, 7, 8, 9]


async def test_a_paused_partition_keeps_its_place(each_cluster: Cluster, topic: str) -> None:
    only = TopicPartition(topic, 0)
    async with _reader(each_cluster, topic, Listener()) as consumer:
        await until(lambda: consumer.getmany(max_records=3))
        consumer.pause(only)
        assert not await consumer.getmany(timeout_ms=600)
        assert await consumer.positions() == {only: 3}
        consumer.resume(only)
        assert [message.offset for message in await collect(consumer, 7)] == list(range(3, 10))


class _Refusing(Listener):
    """A listener whose store is away at first."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True

    async def on_assigned(
        self, partitions: frozenset[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        if self.away:
            self.assigned.append(partitions)
            raise Transient("the store is away")
        return dict.fromkeys(partitions, 5)


async def test_hands_nothing_on_until_the_listener_has_answered(
    each_cluster: Cluster, topic: str
) -> None:
    listener = _Refusing()
    async with _reader(each_cluster, topic, listener) as consumer:

        async def refused_three_times() -> bool:
            try:
                assert not await consumer.getmany(timeout_ms=100)
            except Transient:
                assert not consumer.assignment
            return len(listener.assigned) >= 3

        await until(refused_three_times)
        listener.away = False
        got = await collect(consumer, 5)
    assert [message.offset for message in got] == [5, 6, 7, 8, 9]
    assert listener.revoked == [frozenset({TopicPartition(topic, 0)})]


async def test_stopping_hands_back_once(each_cluster: Cluster, topic: str) -> None:
    listener = Listener()
    async with _reader(each_cluster, topic, listener) as consumer:
        await collect(consumer, 10)
        assert not listener.revoked
    assert listener.revoked == listener.assigned == [frozenset({TopicPartition(topic, 0)})]
