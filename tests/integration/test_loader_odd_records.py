"""Records that are hard to take in at all: 10 MB, headers that are no text, keys that are none."""

import pytest
from aiokafka import AIOKafkaProducer

from shared.kafka import TopicSpec, connect, ensure_topics
from shared.record import Record
from shared.settings import Settings
from tests.loading import bar, load, produce, query, record

MEGABYTE = 1024 * 1024


@pytest.fixture
async def producer(loader_settings: Settings) -> AIOKafkaProducer:
    """A foreign producer, to a topic of one partition that takes large records."""
    topic = f"{loader_settings.kafka_topic_prefix}yfinance_ohlcv"
    large = {"max.message.bytes": str(16 * MEGABYTE)}
    await ensure_topics(
        await connect(loader_settings), [TopicSpec(topic, partitions=1, config=large)]
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=loader_settings.kafka_bootstrap_servers, max_request_size=16 * MEGABYTE
    )
    await producer.start()
    yield producer
    await producer.stop()


async def send(producer: AIOKafkaProducer, sent: Record) -> None:
    headers = list(sent.headers)
    await producer.send_and_wait(sent.topic, sent.value, key=sent.key, headers=headers)


@pytest.mark.parametrize("place", ["first", "middle", "last"])
async def test_ten_megabytes_are_one_dead_letter(
    loader_settings: Settings, producer: AIOKafkaProducer, place: str
) -> None:
    settings = loader_settings
    value = bar(77_777, currency="x" * 10 * MEGABYTE)
    at = {"first": 0, "middle": 500, "last": 1_000}[place]
    await produce(settings, (record(settings, bar(n)) for n in range(at)))
    await send(producer, record(settings, value))
    await produce(settings, (record(settings, bar(n)) for n in range(at, 1_000)))
    progress = await load(settings)
    assert (progress.inserted, progress.dead_letters) == (1_000, 1)
    (letter,) = await query(settings, 'SELECT value, "offset", error_code FROM dead_letters')
    assert letter["value"] == value
    assert letter["offset"] == at


async def test_odd_keys_and_headers_hold_nothing_up(
    loader_settings: Settings, producer: AIOKafkaProducer
) -> None:
    good, bad = record(loader_settings, bar(1)), record(loader_settings, b"{")
    odd = (("as_of", None), ("x", None), ("", b""), ("\x00", b"\x00"), ("source", b"\xff\x00"))
    await send(producer, good._replace(headers=odd, key=None))  # type: ignore[arg-type]
    await send(producer, bad._replace(headers=odd, key=b"\xff\x00"))  # type: ignore[arg-type]
    await send(producer, record(loader_settings, bar(2)))
    progress = await load(loader_settings)
    assert (progress.inserted, progress.dead_letters) == (2, 1)
