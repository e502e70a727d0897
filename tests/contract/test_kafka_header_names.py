"""A header's name that is no text holds nothing up: neither its record nor its neighbours."""

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from shared.kafka import Cluster, Consumer, Producer, TopicPartition, TopicSpec, ensure_topics
from shared.record import Message, Record
from tests.services.readers import Listener, collect

NO_TEXT = b"\xff\xfe"
_LZ4 = 3


class _Name(str):
    """A header's name as a producer may send it that does not look."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        return NO_TEXT


async def send_odd_batch(cluster: Cluster, topic: str, values: list[bytes], odd: int) -> None:
    """Send values in one compressed batch, the one at place `odd` with such a header."""
    producer: Any = AIOKafkaProducer(**cluster.options)
    async with producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            magic=2, compression_type=_LZ4, is_transactional=False, producer_id=-1,
            producer_epoch=-1, base_sequence=0, batch_size=1 << 20,
        )  # fmt: skip
        for place, value in enumerate(values):
            named = [("source", b"test"), (_Name("odd"), b"1")] if place == odd else []
            batch.append(key=b"k", value=value, timestamp=1_700_000_000_000 + place, headers=named)
        await (await producer.send_batch(batch, topic, partition=0))


@pytest.mark.parametrize("odd", [0, 2, 4])
async def test_a_name_that_is_no_text_holds_nothing_up(
    each_cluster: Cluster, topic_prefix: str, odd: int
) -> None:
    """Good batches, two such in a row, a good one: all is read, in order, and the end reached."""
    topic = f"{topic_prefix}names"
    await ensure_topics(each_cluster, [TopicSpec(topic, partitions=1)])
    batches = [[b"%d-%d" % (number, place) for place in range(5)] for number in range(4)]
    for number, values in enumerate(batches):
        if number in (1, 2):
            await send_odd_batch(each_cluster, topic, values, odd)
        else:
            async with Producer(each_cluster) as producer:
                await producer.publish([Record(topic, b"k", value) for value in values])
    reader = Consumer(each_cluster, group_id=topic, topics=[topic], listener=Listener())
    async with reader as consumer:
        found: list[Message] = await collect(consumer, 20)
        assert await consumer.positions() == {TopicPartition(topic, 0): found[-1].offset + 1}
    assert [message.value for message in found] == [v for values in batches for v in values]
    assert [message.offset for message in found] == sorted({message.offset for message in found})
    headers = [message.headers for message in found if len(message.headers) == 2]
    assert [list(h) for h in headers] == [[("source", b"test"), ("\\xff\\xfe", b"1")]] * 2
