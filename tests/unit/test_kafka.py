"""Rules of the Kafka client that need no broker."""

import asyncio

import pytest
from aiokafka import errors as kafka

from shared.errors import ConfigError, InvalidRecord, Transient
from shared.kafka import TopicPartition, TopicSpec, declared_topics, partition_for
from shared.kafka.faults import OffsetOutOfRange, translate, translated
from shared.kafka.lane import Lane
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings

_PLACE = TopicPartition("bars", 0)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_go_where_java_puts_them(key: bytes, hashed: int) -> None:
    """The hashes are those of Apache Kafka's own tests of its murmur2."""
    for partitions in (1, 4, 7, 1_000):
        assert partition_for(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_a_topic_is_kept_for_ever_unless_it_says_otherwise() -> None:
    assert TopicSpec("bars").settings == {"cleanup.policy": "delete", "retention.ms": "-1"}
    state = TopicSpec("state", compacted=True, retention_ms=1_000, config={"segment.ms": "60000"})
    assert state.settings == {
        "cleanup.policy": "compact",
        "retention.ms": "1000",
        "segment.ms": "60000",
    }


def test_a_topic_is_kept_as_long_as_its_dataset_declares() -> None:
    specs = {spec.name: spec.settings for spec in declared_topics(Settings(), discover())}
    assert specs["econ.options_chain"]["retention.ms"] == str(90 * 24 * 3600 * 1000)
    assert specs["econ.fred_data"]["retention.ms"] == "-1"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (kafka.SaslAuthenticationFailed("no"), ConfigError),
        (kafka.TopicAuthorizationFailedError("bars"), ConfigError),
        (kafka.InvalidReplicationFactorError(), ConfigError),
        (kafka.MessageSizeTooLargeError(), InvalidRecord),
        (kafka.OffsetOutOfRangeError({("bars", 0): 9}), OffsetOutOfRange),
        (kafka.KafkaConnectionError("gone"), Transient),
        (kafka.NotLeaderForPartitionError(), Transient),
        (kafka.OutOfOrderSequenceNumber(), Transient),
        (kafka.ConsumerStoppedError(), Transient),
        (ConnectionResetError("reset"), Transient),
        (TimeoutError(), Transient),
    ],
)
def test_errors_are_named_after_the_reaction(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as seen, translated("publishing to bars"):
        raise raised
    assert type(seen.value) is expected
    assert seen.value.__cause__ is raised


def test_a_translated_error_says_what_happened_to_what() -> None:
    told = str(translate(kafka.NotLeaderForPartitionError(), "publishing to bars"))
    assert told.startswith("publishing to bars: ")
    assert "NotLeaderForPartition" in told
    assert translate(already := Transient("away"), "publishing to bars") is already


class _Builder:
    """A batch that holds two records, as aiokafka's builder behaves when it is full."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []

    def record_count(self) -> int:
        return len(self.values)

    def append(self, *, value: bytes | None, **_: object) -> object | None:
        if len(self.values) == 2:
            return None
        self.values.append(value)
        return object()


class _Wire:
    """A broker that acknowledges when it is told to."""

    def __init__(self) -> None:
        self.sent: list[list[bytes | None]] = []
        self.acknowledge = asyncio.Semaphore(0)

    async def send(self, builder: _Builder, place: TopicPartition) -> int:
        self.sent.append(builder.values)
        await self.acknowledge.acquire()
        return sum(map(len, self.sent[:-1]))


def _record(number: int) -> Record:
    return Record("bars", b"k", b"%d" % number)


async def test_a_lone_record_leaves_at_once_and_the_next_ones_together() -> None:
    wire = _Wire()
    lane = Lane(_PLACE, _Builder, wire.send)
    placed = []
    for number in range(3):
        placed.append(lane.add(_record(number)))
        lane.depart()
        await asyncio.sleep(0)
    assert wire.sent == [[b"0"]]
    wire.acknowledge.release()
    wire.acknowledge.release()
    await lane.settle()
    assert wire.sent == [[b"0"], [b"1", b"2"]]
    offsets = [place[0].base_offset.result() + place[1] for place in placed if place]
    assert offsets == [0, 1, 2]


async def test_a_full_lane_holds_two_batches_and_waits_for_the_first() -> None:
    wire = _Wire()
    lane = Lane(_PLACE, _Builder, wire.send)
    for number in range(2):
        assert lane.add(_record(number))
    assert lane.add(_record(2)) is None
    await lane.room()
    for number in range(2, 4):
        assert lane.add(_record(number))
    assert lane.add(_record(4)) is None
    waiting = asyncio.create_task(lane.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    wire.acknowledge.release()
    await asyncio.wait_for(waiting, 5)
    assert lane.add(_record(4))
    wire.acknowledge.release()
    wire.acknowledge.release()
    await lane.settle()
    assert wire.sent == [[b"0", b"1"], [b"2", b"3"], [b"4"]]


async def test_a_failed_batch_fails_its_own_records_only() -> None:
    calls = 0

    async def fail_first(builder: _Builder, place: TopicPartition) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Transient("away")
        return 7

    lane = Lane(_PLACE, _Builder, fail_first)
    first = lane.add(_record(0))
    lane.depart()
    second = lane.add(_record(1))
    await lane.settle()
    assert first
    assert second
    assert isinstance(first[0].base_offset.exception(), Transient)
    # Both were in the batch that failed only if the second had arrived before it left.
    assert first[0] is not second[0]
    assert second[0].base_offset.result() == 7
