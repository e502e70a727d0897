"""The stream of new versions, on real Kafka and each database."""

from typing import Any

import pytest

from shared.settings import Settings
from tests.loading import EVENING, bar, produce, record
from tests.streaming import hearing, pipeline, until_stored


def day(number: int, **fields: Any) -> bytes:
    """Return a bar of one of several tickers, so that all partitions have some."""
    return bar(number, bars_a_ticker=7, **fields)


@pytest.fixture
def settings(loader_settings: Settings) -> Settings:
    return loader_settings


async def test_each_version_is_told_once_and_nothing_else(settings: Settings) -> None:
    async with pipeline(settings) as running:
        await produce(settings, (record(settings, day(n)) for n in range(50)))
        await until_stored(running, 50)
        async with hearing(running.client) as early:
            await produce(settings, (record(settings, day(n)) for n in range(50, 100)))
            await early.heard(50)
        confirmed = [record(settings, day(n), EVENING) for n in range(20)]
        refused = [record(settings, b"{"), record(settings, day(1, close=None))]
        changed = [record(settings, day(n, open_=1000.0), EVENING) for n in range(20, 40)]
        await produce(settings, [*confirmed, *refused, *changed])
        async with hearing(running.client, early.events[-1].id) as back:
            await produce(settings, (record(settings, day(n)) for n in range(100, 110)))
            await back.heard(30)
            assert sorted(back.opens) == [1.0 + n for n in [*range(100, 110), *range(1019, 1039)]]
        mid = early.events[20].id
        async with hearing(running.client, mid) as again:
            await again.heard(29 + 30)
            assert sorted(again.opens) == sorted([*early.opens[21:], *back.opens])
        assert early.restarts == back.restarts == again.restarts == 0
