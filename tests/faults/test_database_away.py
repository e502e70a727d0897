"""PostgreSQL stopped at once and started again under load: the loader waits and loses nothing."""

import asyncio
from functools import partial
from pathlib import Path

from services.loader.app import load_topics
from services.loader.progress import Progress
from shared.settings import Settings
from tests.loading import bar, load, produce, record, snapshot
from tests.services.databases import PostgresServer
from tests.waiting import until

RECORDS = 60_000
OUTAGES = 3


async def test_an_outage_makes_the_loader_wait_and_quarantines_nothing(
    kafka_settings: Settings, postgres_node: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings(
        **kafka_settings.model_dump(exclude_unset=True)
        | {
            "database_backend": "postgresql",
            "database_url": postgres_node.url,
            "loader_group_id": f"{kafka_settings.kafka_topic_prefix}away",
            "loader_batch_rows": 500,
            "data_dir": tmp_path,
        }
    )
    await produce(settings, (record(settings, bar(n)) for n in range(RECORDS)))
    seen: list[Progress] = []
    loading = asyncio.create_task(
        load_topics(settings, asyncio.Event(), until_caught_up=True, on_progress=seen.append)
    )
    for outage in range(1, OUTAGES + 1):
        share = RECORDS * outage // (OUTAGES + 2)
        await until(partial(_reached, loading, seen, share), within=60)
        assert not loading.done(), "the outages must fall into the work"
        await asyncio.to_thread(postgres_node.stop)
        await until(lambda: seen[-1].away_since is not None, within=30)
        await asyncio.to_thread(postgres_node.start)
    async with asyncio.timeout(60):
        progress = await loading
    assert progress.records == RECORDS
    assert progress.dead_letters == 0
    found = await snapshot(settings)
    assert len(found["yfinance_ohlcv"]) == RECORDS
    assert found["dead_letters"] == []
    assert (await load(settings)).records == 0


def _reached(loading: asyncio.Task[Progress], seen: list[Progress], records: int) -> bool:
    return loading.done() or bool(seen and seen[-1].records > records)
