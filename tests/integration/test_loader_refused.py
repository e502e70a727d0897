"""Rows that only the server refuses, and does not name: each is a dead letter, no other is."""

import math

import pytest

from shared.database.base import Batch
from shared.database.postgres.database import PostgresDatabase
from shared.settings import Settings
from tests.loading import bar, execute, load, produce, query, record

ROWS = 2_000
REFUSED = [0, 777, 778, ROWS - 1]


@pytest.mark.parametrize("loader_settings", ["postgresql"], indirect=True)
async def test_they_are_found_in_few_steps_however_large_the_batch(
    loader_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loader_settings.model_copy(update={"kafka_topic_partitions": 1})
    await load(settings)  # makes the tables
    volumes = ", ".join(str(100 + number) for number in REFUSED)
    await execute(
        settings, f"ALTER TABLE yfinance_ohlcv ADD CONSTRAINT odd CHECK (volume NOT IN ({volumes}))"
    )
    await produce(settings, (record(settings, bar(number)) for number in range(ROWS)))
    sizes: list[int] = []
    rehearse = PostgresDatabase.rehearse

    async def counted(self: PostgresDatabase, batch: Batch) -> None:
        sizes.append(batch.table.num_rows)
        await rehearse(self, batch)

    monkeypatch.setattr(PostgresDatabase, "rehearse", counted)
    progress = await load(settings)
    assert (progress.inserted, progress.dead_letters) == (ROWS - len(REFUSED), len(REFUSED))
    letters = await query(settings, 'SELECT "offset", reason FROM dead_letters ORDER BY "offset"')
    assert [letter["offset"] for letter in letters] == REFUSED
    assert all("odd" in letter["reason"] for letter in letters)
    assert 0 < len(sizes) <= 2 * len(REFUSED) * math.ceil(math.log2(ROWS)) + 2
    assert (await load(settings)).records == 0
