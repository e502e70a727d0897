"""Both databases with their tables, and the API over either, on real sockets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.database.base import Database
from shared.database.factory import create_database
from shared.settings import Settings
from tests.api import PEPPER, REGISTRY, api_over
from tests.posting import Door, serving


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = create_database(settings, application="test")
    await database.open()
    try:
        await database.apply_schema(REGISTRY)
        yield database
    finally:
        await database.close()


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that lead to an empty database, each kind in turn."""
    if request.param == "duckdb":
        return Settings(duckdb_path=tmp_path / "test.duckdb")
    url = request.getfixturevalue("postgres_url")
    return Settings(database_backend="postgresql", database_url=url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Each database in turn, its tables empty."""
    async with _opened(settings) as opened:
        yield opened


@pytest.fixture
async def both(tmp_path: Path, postgres_url: str) -> AsyncIterator[list[Database]]:
    """DuckDB and PostgreSQL at once, their tables empty."""
    async with AsyncExitStack() as closing:
        yield [
            await closing.enter_async_context(_opened(settings))
            for settings in (
                Settings(duckdb_path=tmp_path / "both.duckdb"),
                Settings(database_backend="postgresql", database_url=postgres_url),
            )
        ]


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over each database in turn."""
    async with api_over(database) as opened:
        yield opened


@pytest.fixture
async def door(loader_settings: Settings) -> AsyncIterator[Door]:
    """The API over real Kafka and each database in turn."""
    settings = loader_settings.model_copy(
        update={"api_key_pepper": Settings(api_key_pepper=PEPPER).api_key_pepper}
    )
    async with _opened(settings) as database, serving(settings, database) as found:
        yield found


@pytest.fixture
async def post(kafka_settings: Settings, tmp_path: Path) -> AsyncIterator[Door]:
    """The door over DuckDB, for what does not depend on the database; bodies of 64 kB at most."""
    pepper = Settings(api_key_pepper=PEPPER).api_key_pepper
    chosen = {
        "duckdb_path": tmp_path / "door.duckdb", "api_key_pepper": pepper,
        "loader_group_id": f"{kafka_settings.kafka_topic_prefix}loader",
        "api_max_body_bytes": 65_536, "kafka_topic_partitions": 1,
    }  # fmt: skip
    settings = kafka_settings.model_copy(update=chosen)
    async with _opened(settings) as database, serving(settings, database) as found:
        yield found
