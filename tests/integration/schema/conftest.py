"""Each database in turn, empty or with a few tables, for tests of the schema."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database.base import Database
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, Feed, opened


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that lead to an empty database, each kind in turn."""
    if request.param == "duckdb":
        return Settings(duckdb_path=tmp_path / "test.duckdb")
    url = request.getfixturevalue("postgres_url")
    return Settings(database_backend="postgresql", database_url=url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Each database in turn, with the tables of MEASURES and EVENTS."""
    async with opened(settings, [MEASURES, EVENTS]) as database:
        yield database


@pytest.fixture
async def feed(database: Database) -> Feed:
    feed = Feed(database)
    await feed.claim()
    return feed
