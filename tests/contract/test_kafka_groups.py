"""Members of a group share partitions and hand them over, on every broker."""

import asyncio
from collections.abc import Callable

from shared.kafka import (
    Cluster,
    Consumer,
    Producer,
    TopicPartition,
    TopicSpec,
    ensure_topics,
    list_partitions,
)
from shared.record import Record
from tests.services.readers import Listener, collect, hold
from tests.waiting import until


async def _poll_while(consumer: Consumer, going: Callable[[], bool], seen: list[int]) -> None:
    while going():
        for messages in (await consumer.getmany(timeout_ms=50)).values():
            seen.extend(int(message.value or b"-1") for message in messages)


async def test_two_members_share_and_one_takes_over(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    topic, group = f"{topic_prefix}shared", f"{topic_prefix}group"
    await ensure_topics(each_cluster, [TopicSpec(topic, partitions=4)])
    first, second = Listener(), Listener()
    async with (
        Producer(each_cluster) as producer,
        Consumer(each_cluster, group_id=group, topics=[topic], listener=first) as one,
    ):
        await hold(one, 4)
        async with Consumer(each_cluster, group_id=group, topics=[topic], listener=second) as two:
            async with asyncio.timeout(30), asyncio.TaskGroup() as both:
                both.create_task(hold(one, 2))
                both.create_task(hold(two, 2))
            assert not one.assignment & two.assignment
            assert first.revoked == [one.assignment | two.assignment]
            await producer.publish(Record(topic, b"%d" % i, b"%d" % i) for i in range(100))
            seen: list[int] = []
            async with asyncio.timeout(30), asyncio.TaskGroup() as both:
                for member in (one, two):
                    both.create_task(_poll_while(member, lambda: len(seen) < 100, seen))
            assert sorted(seen) == list(range(100))
        assert second.revoked == second.assigned
        first.starts = await one.end_offsets([TopicPartition(topic, n) for n in range(4)])
        await hold(one, 4)


async def test_a_listener_may_wait_for_the_batch_that_is_being_written(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    """The group waits for `on_revoked`, which waits for the task that polls: no deadlock."""
    topic, group = f"{topic_prefix}busy", f"{topic_prefix}group"
    await ensure_topics(each_cluster, [TopicSpec(topic, partitions=2)])
    written = asyncio.Event()

    class Writer(Listener):
        async def on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
            async with asyncio.timeout(10):
                await written.wait()
            await super().on_revoked(partitions)

    writer = Writer()
    async with Consumer(each_cluster, group_id=group, topics=[topic], listener=writer) as one:
        await hold(one, 2)
        async with Consumer(each_cluster, group_id=group, topics=[topic], listener=Listener()) as _:
            # The revocation has begun once nothing is held any more.
            await until(lambda: not one.assignment, 20)
            assert not await one.getmany(timeout_ms=100)
            written.set()
            await until(lambda: bool(writer.revoked))


async def test_subscribing_creates_no_topic_and_finds_those_made_later(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    topic, later = f"{topic_prefix}early", f"{topic_prefix}late"
    await ensure_topics(each_cluster, [TopicSpec(topic, partitions=1)])
    async with Consumer(
        each_cluster, group_id=f"{topic_prefix}group", topics=[topic, later], listener=Listener()
    ) as consumer:
        await hold(consumer, 1)
        assert await list_partitions(each_cluster, [topic, later]) == {topic: 1}
        await ensure_topics(each_cluster, [TopicSpec(later, partitions=2)])
        async with Producer(each_cluster) as producer:
            await producer.publish([Record(later, b"k", b"v")])
        (got,) = await collect(consumer, 1, within=30)
        assert got.topic == later
        assert len(consumer.assignment) == 3


async def test_no_topic_at_all_is_nothing_to_read(each_cluster: Cluster, topic_prefix: str) -> None:
    absent = f"{topic_prefix}absent"
    async with Consumer(
        each_cluster, group_id=f"{topic_prefix}group", topics=[absent], listener=Listener()
    ) as consumer:
        assert not await consumer.getmany(timeout_ms=300)
        assert await consumer.positions() == await consumer.end_offsets() == {}
    assert await list_partitions(each_cluster, [absent]) == {}
