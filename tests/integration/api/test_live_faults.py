"""The stream without gap or double, whatever becomes of loaders, API, topic and database."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.database.base import Reader
from shared.kafka import declared_topics, delete_topics, ensure_topics
from shared.registry import discover
from shared.settings import Settings
from tests.command_line import Shell
from tests.integration.api.test_live import day
from tests.loading import execute, produce, record
from tests.services.process import free_port
from tests.streaming import STREAM, Event, Pipeline, hearing, pipeline, until_stored
from tests.waiting import until

PARTITIONS = (0, 1)


@pytest.fixture
def settings(kafka_settings: Settings, postgres_url: str, tmp_path: Path) -> Settings:
    chosen = {
        "database_backend": "postgresql",
        "database_url": postgres_url,
        "data_dir": tmp_path,
        "kafka_topic_partitions": len(PARTITIONS),
        "loader_group_id": f"{kafka_settings.kafka_topic_prefix}loader",
    }
    return Settings(**kafka_settings.model_dump(exclude_unset=True) | chosen)


async def publish(settings: Settings, numbers: Sequence[int]) -> None:
    await produce(settings, (record(settings, day(number)) for number in numbers))


def opens(numbers: Sequence[int]) -> list[float]:
    return [1.0 + number for number in numbers]


async def read_anew(running: Pipeline) -> None:
    reader = Reader(running.cluster.cluster_id, running.settings.loader_group_id)
    topic = f"{running.settings.kafka_topic_prefix}yfinance_ohlcv"
    await running.database.reset_offsets(reader, [(topic, number, 0) for number in PARTITIONS])


def untold(events: Sequence[Event], place: int) -> list[float]:
    return [event.data["open"] for event in events[place + 1 :]]


async def test_offsets_are_reset_and_the_topic_is_made_anew(settings: Settings) -> None:
    async with pipeline(settings, loaders=2) as running, hearing(running.client) as live:
        await publish(settings, range(60))
        await live.heard(60)
        first = list(live.events)
        await read_anew(running)
        await publish(settings, range(60, 70))
        await live.heard(70)
        async with hearing(running.client, first[30].id) as behind:
            await behind.heard(39)
            assert sorted(behind.opens) == sorted([*untold(first, 30), *opens(range(60, 70))])
            assert behind.restarts == len(PARTITIONS)
        await delete_topics(running.cluster, [f"{settings.kafka_topic_prefix}yfinance_ohlcv"])
        await ensure_topics(running.cluster, declared_topics(settings, discover()))
        await read_anew(running)
        await publish(settings, range(70, 80))
        await live.heard(80)
        assert sorted(live.opens) == opens(range(80))
        assert live.restarts == 2 * len(PARTITIONS)

        await drop_records(running)
        behind_all = {"Last-Event-ID": live.events[-2].id}
        async with running.client.stream("GET", STREAM, headers=behind_all) as old:
            assert old.status_code == 410
            assert b"revisions=true" in await old.aread()


async def drop_records(running: Pipeline) -> None:
    topic = f"{running.settings.kafka_topic_prefix}yfinance_ohlcv"
    admin = AIOKafkaAdminClient(**running.cluster.options)
    await admin.start()
    try:
        every = {KafkaPartition(topic, p): RecordsToDelete(before_offset=-1) for p in PARTITIONS}
        await admin.delete_records(every)
    finally:
        await admin.close()


async def test_a_restored_database_is_caught_up_with_in_silence(settings: Settings) -> None:
    async with pipeline(settings) as running, hearing(running.client) as live:
        await publish(settings, range(60))
        await live.heard(60)
    # What a backup of an hour ago would hold.
    await execute(settings, "DELETE FROM yfinance_ohlcv WHERE kafka_offset >= 10")
    await execute(
        settings, "UPDATE consumer_offsets SET next_offset = least(next_offset, 10), "
        "last_offset = NULL, last_timestamp = NULL, last_crc32 = NULL"
    )  # fmt: skip
    async with (
        pipeline(settings) as running,
        hearing(running.client, live.last_id) as back,
        hearing(running.client, live.events[20].id) as behind,
    ):
        await publish(settings, range(60, 70))
        await back.heard(10)
        await behind.heard(39 + 10)
        await until_stored(running, 70)
        assert sorted(back.opens) == opens(range(60, 70))
        assert sorted(behind.opens) == sorted([*untold(live.events, 20), *back.opens])
        assert back.restarts == behind.restarts == 0


async def test_a_killed_api_goes_on_where_each_reader_was(
    settings: Settings, tmp_path: Path
) -> None:
    assert settings.database_url is not None
    shell = Shell(
        tmp_path,
        {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
            "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
            "LOADER_GROUP_ID": settings.loader_group_id,
            "DATABASE_BACKEND": "postgresql",
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "API_PORT": str(free_port()),
        },
    )
    address = f"http://127.0.0.1:{shell.settings['API_PORT']}"
    async with pipeline(settings, loaders=2), httpx.AsyncClient(base_url=address) as client:
        publishing: asyncio.Task[None] | None = None
        heard: list[float] = []
        last = ""
        for wanted in (150, 400):
            with shell.started("api") as api:
                await until(lambda: is_ready(client), within=60)
                async with hearing(client, last) as listener:
                    publishing = publishing or asyncio.create_task(publish_slowly(settings))
                    await listener.heard(wanted - len(heard))
                    api.process.kill()
                    await until(partial(getattr, listener, "ended"))
                heard += listener.opens
                last = listener.last_id
        assert publishing is not None
        await publishing
    assert sorted(heard) == opens(range(400))


async def publish_slowly(settings: Settings) -> None:
    for start in range(0, 400, 50):
        await publish(settings, range(start, start + 50))


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.HTTPError:
        return False
