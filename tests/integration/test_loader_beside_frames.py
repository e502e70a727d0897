"""A notebook's `insert_df` of the very keys that a loader writes at the same time."""

import asyncio
import datetime as dt

import pandas as pd
import pytest

from shared.database import DatabaseConnection
from shared.settings import Settings
from tests.loading import FIRST_DAY, bar, loading, produce, query, record
from tests.waiting import until

KEYS, ROUNDS = 200, 15
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def settings(postgres_settings: Settings) -> Settings:
    # Some batches hold a key once, some twice.
    return postgres_settings.model_copy(update={"loader_batch_rows": 300})


def minute(number: int) -> dt.datetime:
    return BEGIN + dt.timedelta(minutes=number)


def frame(number: int) -> pd.DataFrame:
    """Return all keys as they became known in a minute, which is also their value."""
    return pd.DataFrame(
        {
            "ticker": "T0",
            "date": [FIRST_DAY + dt.timedelta(days=day) for day in range(KEYS)],
            "open": [float(number)] * KEYS,
            "high": 2.5,
            "low": 0.5,
            "close": 2.25,
            "adj_close": None,
            "volume": 100,
            "currency": "USD",
            "is_final": True,
            "as_of": minute(number),
        }
    )


async def test_every_version_of_both_is_stored_once(settings: Settings) -> None:
    def insert() -> None:
        with DatabaseConnection(settings) as db:
            for number in range(1, 2 * ROUNDS, 2):
                assert db.insert_df("yfinance_ohlcv", frame(number)) == KEYS

    async with loading(settings):
        inserting = asyncio.create_task(asyncio.to_thread(insert))
        for number in range(0, 2 * ROUNDS, 2):
            as_of = minute(number).isoformat()
            values = (bar(day, open_=number - float(day)) for day in range(KEYS))
            await produce(settings, [record(settings, value, as_of) for value in values])
        await inserting
        await until(lambda: _versions_stored(settings), within=60, every=0.2)
    [found] = await query(
        settings,
        "SELECT count(*) AS n, count(DISTINCT (date, as_of)) AS different, "
        "count(*) FILTER (WHERE open <> extract(epoch FROM as_of - $1) / 60) AS wrong "
        "FROM (SELECT date, as_of, open FROM yfinance_ohlcv UNION ALL "
        "SELECT date, as_of, open FROM yfinance_ohlcv_revisions) AS v",
        BEGIN,
    )
    assert found == {"n": 2 * ROUNDS * KEYS, "different": 2 * ROUNDS * KEYS, "wrong": 0}
    current = await query(settings, "SELECT DISTINCT as_of FROM yfinance_ohlcv")
    assert current == [{"as_of": minute(2 * ROUNDS - 1)}]
    assert await query(settings, "SELECT * FROM dead_letters") == []


async def _versions_stored(settings: Settings) -> bool:
    rows = await query(
        settings,
        "SELECT (SELECT count(*) FROM yfinance_ohlcv) "
        "+ (SELECT count(*) FROM yfinance_ohlcv_revisions) AS n",
    )
    return bool(rows[0]["n"] == 2 * ROUNDS * KEYS)
