"""A loader stopped in the middle of a COPY: its successor ends its connection and takes over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from shared.kafka import connect
from shared.settings import Settings
from tests.loading import bar, load, loading, produce, query, record
from tests.waiting import stretched, until

RECORDS = 40_000
WIDE = "x" * 4_000
COPYING = """SELECT pid FROM pg_stat_activity
WHERE application_name = $1 AND state = 'active' AND query LIKE 'COPY%'"""
WAITING = f"{COPYING} AND wait_event = 'ClientRead'"


async def test_its_successor_ends_its_connection_and_goes_on(
    kafka_settings: Settings, postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        **kafka_settings.model_dump(exclude_unset=True)
        | {
            "database_backend": "postgresql",
            "database_url": postgres_url,
            "kafka_topic_partitions": 1,
            "loader_group_id": f"{kafka_settings.kafka_topic_prefix}copy",
            "data_dir": tmp_path,
        }
    )
    for first in range(0, RECORDS, 5_000):
        numbers = range(first, first + 5_000)
        await produce(settings, (record(settings, bar(n, currency=WIDE)) for n in numbers))
    bound = (await connect(settings)).session_timeout_ms / 1000 + 5
    with _loader(settings) as zombie:
        held = await _stop_in_copy(settings, postgres_url, zombie)
        async with loading(settings) as seen:
            await until(lambda: seen and seen[0].records, within=bound)
            assert held not in await _pids(postgres_url, settings, COPYING)
            zombie.send_signal(signal.SIGCONT)
            await until(lambda: seen[0].lag == 0, within=60)
        await produce(settings, (record(settings, bar(n)) for n in range(RECORDS, RECORDS + 10)))
        await until(lambda: _count(settings, RECORDS + 10), within=60)
        zombie.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(zombie.wait, stretched(20)) == 0
    assert await query(settings, "SELECT count(*) AS n FROM yfinance_ohlcv_revisions") == [{"n": 0}]
    assert await query(settings, "SELECT count(*) AS n FROM dead_letters") == [{"n": 0}]
    assert (await load(settings)).records == 0


async def _stop_in_copy(settings: Settings, url: str, process: subprocess.Popen[bytes]) -> int:
    """Stop the process while the server waits for the rest of its COPY; return the connection."""
    watching = await asyncpg.connect(url)
    try:
        deadline = time.monotonic() + stretched(60)
        while time.monotonic() < deadline:
            assert process.poll() is None, "it ended, or stored everything, before it was caught"
            if not await watching.fetch(COPYING, settings.loader_group_id):
                continue
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.2)  # what is on its way to the server, not a wait for a condition
            if held := await watching.fetchval(WAITING, settings.loader_group_id):
                return int(held)
            process.send_signal(signal.SIGCONT)
        raise AssertionError("it was never caught in the middle of a COPY")
    finally:
        await watching.close()


async def _pids(url: str, settings: Settings, sql: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row["pid"] for row in await connection.fetch(sql, settings.loader_group_id)]
    finally:
        await connection.close()


async def _count(settings: Settings, rows: int) -> bool:
    return await query(settings, "SELECT count(*) AS n FROM yfinance_ohlcv") == [{"n": rows}]


@contextmanager
def _loader(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    given = json.loads(settings.model_dump_json(exclude_unset=True))
    environment = {name.upper(): str(value) for name, value in given.items()}
    assert settings.database_url is not None
    environment["DATABASE_URL"] = settings.database_url.get_secret_value()
    with (settings.data_dir / "loader.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.loader"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)
