"""Fetcher and loader say that they are not ready while the broker is away, and recover."""

import asyncio
from pathlib import Path

import httpx
import pytest

from services.fetcher.app import FetchOrder, run_fetcher
from services.loader.app import load_topics
from shared.settings import Settings
from tests.services.kafka.node import KafkaNode
from tests.services.process import free_port
from tests.waiting import until


@pytest.mark.parametrize("service", ["fetcher", "loader"])
async def test_it_is_ready_while_the_broker_answers(
    service: str, kafka_node: KafkaNode, tmp_path: Path
) -> None:
    (tmp_path / "watchlist.toml").write_text("[cboe]\nsymbols = []\n")
    settings = Settings(
        kafka_bootstrap_servers=kafka_node.address,
        watchlist=tmp_path / "watchlist.toml",
        fetch_sources=("cboe",),
        data_dir=tmp_path,
        duckdb_path=tmp_path / "test.duckdb",
        metrics_port=free_port(),
    )
    stop = asyncio.Event()
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        if service == "fetcher":
            tasks.create_task(run_fetcher(settings, FetchOrder(), stop))
        else:
            tasks.create_task(load_topics(settings, stop))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.metrics_port}") as door:
            await until(lambda: _says(door, 200), within=30)
            await asyncio.to_thread(kafka_node.kill)
            await until(lambda: _says(door, 503), within=10)
            said = (await door.get("/health/ready")).json()
            assert kafka_node.address in said["faults"]["broker"]
            assert (await door.get("/health/live")).status_code == 200
            await asyncio.to_thread(kafka_node.start)
            await until(lambda: _says(door, 200), within=60)
        stop.set()


async def _says(door: httpx.AsyncClient, status: int) -> bool:
    """Return whether readiness has this status; nobody may be listening yet."""
    try:
        return (await door.get("/health/ready")).status_code == status
    except httpx.ConnectError:
        return False
