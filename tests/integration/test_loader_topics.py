"""A topic that is not the one that was read before is recognised, and only its partitions stop."""

import pytest

from shared.errors import Fatal
from shared.kafka import Cluster, connect, delete_topics, list_partitions
from shared.record import Record
from shared.settings import Settings
from tests.loading import bar, execute, load, loading, produce, query, record
from tests.waiting import until

STORED = "SELECT DISTINCT ticker FROM yfinance_ohlcv ORDER BY ticker"
VIX = b'{"symbol": "VIX", "date": "2024-01-%02d", "open": 1, "high": 1, "low": 1, "close": 1}'


def bars(settings: Settings, ticker: str, count: int) -> list[Record]:
    return [
        record(settings, bar(number, ticker=ticker))._replace(key=ticker.encode())
        for number in range(count)
    ]


def vix(settings: Settings, day: int) -> Record:
    sent = record(settings, VIX % day)
    return sent._replace(topic=f"{settings.kafka_topic_prefix}cboe_vix_history", key=b"VIX")


async def begin(settings: Settings, count: int = 10) -> Cluster:
    """Store some bars of a topic of one partition, then delete the topic."""
    await produce(settings, bars(settings, "OLD", count))
    assert (await load(settings)).records == count
    cluster = await connect(settings)
    await remake(settings, cluster)
    return cluster


async def remake(settings: Settings, cluster: Cluster) -> None:
    topic = f"{settings.kafka_topic_prefix}yfinance_ohlcv"
    await delete_topics(cluster, [topic])

    async def is_gone() -> bool:
        return topic not in await list_partitions(cluster, [topic])

    await until(is_gone)


@pytest.fixture
def settings(loader_settings: Settings) -> Settings:
    return loader_settings.model_copy(update={"kafka_topic_partitions": 1})


@pytest.mark.parametrize("refilled", [0, 4, 10, 30])
async def test_a_topic_made_anew_stops_its_partition_and_no_other(
    settings: Settings, refilled: int
) -> None:
    await begin(settings)
    await produce(settings, [*bars(settings, "NEW", refilled), vix(settings, 1)])
    for _ in range(2):
        with pytest.raises(Fatal, match="made again") as raised:
            await load(settings)
        assert "offsets reset yfinance_ohlcv --to earliest --partition 0" in str(raised.value)
    assert await query(settings, STORED) == [{"ticker": "OLD"}]
    assert await query(settings, "SELECT symbol FROM cboe_vix_history") == [{"symbol": "VIX"}]


async def test_records_that_were_dropped_before_they_were_stored_stop_it(
    settings: Settings,
) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
    from aiokafka.structs import TopicPartition

    await produce(settings, bars(settings, "OLD", 10))
    await load(settings)
    await produce(settings, bars(settings, "OLD", 20))
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    only = TopicPartition(f"{settings.kafka_topic_prefix}yfinance_ohlcv", 0)
    await admin.delete_records({only: RecordsToDelete(before_offset=10)})
    assert (await load(settings)).records == 20, "the last stored record is gone, which is no loss"
    await produce(settings, bars(settings, "LOST", 20))
    await admin.delete_records({only: RecordsToDelete(before_offset=40)})
    await admin.close()
    with pytest.raises(Fatal, match="oldest record is at offset 40, and 30 was to be read"):
        await load(settings)


async def test_markers_of_transactions_are_no_sign_of_another_topic(settings: Settings) -> None:
    from aiokafka import AIOKafkaProducer

    await produce(settings, bars(settings, "OLD", 1))
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        transactional_id=f"{settings.kafka_topic_prefix}tx",
    )
    await producer.start()
    for commit in (True, False, False):
        await producer.begin_transaction()
        (item,) = bars(settings, "KEPT" if commit else "ABORTED", 1)
        await producer.send_and_wait(item.topic, item.value, key=item.key)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    await producer.stop()
    for _ in range(2):
        assert (await load(settings)).lag == 0
    await produce(settings, bars(settings, "NEXT", 1))
    assert (await load(settings)).records == 1
    assert [row["ticker"] for row in await query(settings, STORED)] == ["KEPT", "NEXT", "OLD"]


@pytest.mark.parametrize("loader_settings", ["postgresql"], indirect=True)
async def test_a_running_loader_notices_and_goes_on_after_a_reset(settings: Settings) -> None:
    await produce(settings, bars(settings, "OLD", 10))
    async with loading(settings) as seen:
        await until(lambda: seen and seen[0].records == 10, within=30)
        await remake(settings, await connect(settings))
        await produce(settings, [*bars(settings, "NEW", 4), vix(settings, 1)])
        await until(lambda: len(seen[0].halts), within=30)
        await until(lambda: seen[0].records >= 11, within=30)
        await execute(
            settings,
            "UPDATE consumer_offsets SET epoch = 2, next_offset = 0, last_offset = NULL "
            f"WHERE topic = '{settings.kafka_topic_prefix}yfinance_ohlcv'",
        )
        await until(lambda: not seen[0].halts and seen[0].lag == 0, within=30)
    stored = await query(settings, "SELECT DISTINCT ticker, kafka_epoch FROM yfinance_ohlcv")
    assert {tuple(row.values()) for row in stored} == {("OLD", 1), ("NEW", 2)}


@pytest.mark.parametrize("loader_settings", ["postgresql"], indirect=True)
async def test_a_reset_is_noticed_where_nothing_arrives(settings: Settings) -> None:
    await produce(settings, bars(settings, "OLD", 10))
    async with loading(settings) as seen:
        await until(lambda: seen and seen[0].records == 10, within=30)
        await execute(
            settings,
            "UPDATE consumer_offsets SET epoch = epoch + 1, next_offset = 0, last_offset = NULL "
            f"WHERE topic = '{settings.kafka_topic_prefix}yfinance_ohlcv'",
        )
        await until(lambda: seen[0].records == 20, within=30)
    assert await query(settings, "SELECT count(*) AS n FROM yfinance_ohlcv") == [{"n": 10}]
