"""A loader killed with -9 in the middle of its work, again and again, then run to the end."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.record import Record
from shared.settings import Settings
from tests.loading import EVENING, MORNING, bar, load, produce, record, snapshot
from tests.waiting import until

RECORDS = 100_000
KILLS = 4
LONGEST_RUN_SECONDS = 0.8


@pytest.mark.parametrize("backend", ["postgresql", "duckdb"])
async def test_killed_at_any_point_it_ends_with_the_same_tables(
    backend: str,
    kafka_settings: Settings,
    postgres_url: str,
    other_postgres_url: str,
    tmp_path: Path,
) -> None:
    seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 32)))
    chance = random.Random(seed)
    await produce(kafka_settings, _records(kafka_settings, chance))
    calm = _settings(kafka_settings, backend, tmp_path / "calm", postgres_url)
    stormy = _settings(kafka_settings, backend, tmp_path / "stormy", other_postgres_url)
    await load(calm)
    for _ in range(KILLS):
        await _kill_at_random(stormy, chance)
    rest = await load(stormy)
    assert 0 < rest.records < RECORDS, f"no kill fell into the work; TEST_SEED={seed}"
    expected, found = await snapshot(calm), await snapshot(stormy)
    for table, rows in expected.items():
        assert found[table] == rows, f"{table} differs; TEST_SEED={seed}"
    for table in ("yfinance_ohlcv", "yfinance_ohlcv_revisions", "dead_letters"):
        assert expected[table], f"{table} is empty: too little was tested"


def _records(settings: Settings, chance: random.Random) -> Iterator[Record]:
    """Yield new keys, later and earlier values of known ones, repetitions and broken records."""
    for number in range(RECORDS):
        draw = chance.random()
        known = chance.randrange(number + 1)
        if draw < 0.6:
            yield record(settings, bar(number))
        elif draw < 0.75:
            yield record(settings, bar(known, open_=50.0), EVENING)
        elif draw < 0.85:
            yield record(settings, bar(known, open_=90.0), "2025-12-31T00:00:00Z")
        elif draw < 0.99:
            yield record(settings, bar(known), MORNING)
        else:
            yield record(settings, b'{"ticker": "broken"}')


async def _kill_at_random(settings: Settings, chance: random.Random) -> None:
    """Kill a loader at a random point of its work; its partitions are assigned by then."""
    log = settings.data_dir / "loader.log"
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [sys.executable, "-m", "services.loader"],
            env={**os.environ, **_environment(settings)},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            await until(lambda: b"partitions assigned" in log.read_bytes(), within=60)
            await asyncio.sleep(chance.uniform(0, LONGEST_RUN_SECONDS))  # the point, not a wait
            assert process.poll() is None, log.read_text()
        finally:
            process.kill()
            ended = process.wait(timeout=10)
    assert ended == -signal.SIGKILL


def _settings(base: Settings, backend: str, folder: Path, url: str) -> Settings:
    folder.mkdir()
    chosen: dict[str, object] = {
        "database_backend": backend,
        "loader_group_id": f"{base.kafka_topic_prefix}{folder.name}",
        "loader_batch_rows": 2_000,
        "data_dir": folder,
        "duckdb_path": folder / "test.duckdb",
        "database_url": url,
    }
    return Settings(**base.model_dump(exclude_unset=True) | chosen)


def _environment(settings: Settings) -> dict[str, str]:
    given = json.loads(settings.model_dump_json(exclude_unset=True))
    environment = {name.upper(): str(value) for name, value in given.items()}
    if settings.database_url is not None:
        environment["DATABASE_URL"] = settings.database_url.get_secret_value()
    return environment
