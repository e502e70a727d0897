"""Both databases in turn, for the suite that holds either to the protocol."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.database.base import Database
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, Feed, opened


@pytest.fixture(params=["duckdb", "postgresql"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that lead to an empty database, each kind in turn."""
    if request.param == "duckdb":
        return Settings(duckdb_path=tmp_path / "test.duckdb")
    url = request.getfixturevalue("postgres_url")
    return Settings(database_backend="postgresql", database_url=url)


@pytest.fixture
async def database(database_settings: Settings) -> AsyncIterator[Database]:
    """Each database in turn, with the tables of MEASURES and EVENTS, empty."""
    async with opened(database_settings, [MEASURES, EVENTS]) as database:
        yield database


@pytest.fixture
def nothing_left_over(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that the event loop has to clean up or complain of."""
    yield
    gc.collect()
    assert [r.getMessage() for r in caplog.get_records("call") if r.name == "asyncio"] == []


@pytest.fixture
async def feed(database: Database) -> Feed:
    """A partition claimed in each database in turn, whose records are MEASURES."""
    feed = Feed(database)
    await feed.claim()
    return feed
