"""Settings for what runs a loader, with each database in turn, and pairs to move rows between."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.registry import discover
from shared.settings import Settings
from tests.integration.pairs import Pair, opened_pair
from tests.loading import opened


@pytest.fixture(params=["duckdb", "postgresql"])
def loader_settings(
    request: pytest.FixtureRequest, kafka_settings: Settings, tmp_path: Path
) -> Settings:
    """Settings that lead to real Kafka and to an empty database, each kind in turn."""
    is_shared = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if is_shared else None
    return _loading(kafka_settings, tmp_path, request.param, url)


@pytest.fixture
async def postgres_settings(
    kafka_settings: Settings, postgres_url: str, tmp_path: Path
) -> Settings:
    """Settings that lead to real Kafka and to PostgreSQL with all tables."""
    settings = _loading(kafka_settings, tmp_path, "postgresql", postgres_url)
    async with opened(settings) as database:
        await database.apply_schema(discover())
    return settings


@pytest.fixture(params=["postgresql", "duckdb"])
async def pair(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path
) -> AsyncIterator[Pair]:
    """Both directions, each database with the tables and no rows."""
    async with opened_pair(request.param, postgres_url, tmp_path) as lent:
        yield lent


def _loading(kafka: Settings, folder: Path, backend: str, url: str | None) -> Settings:
    chosen: dict[str, object] = {
        "database_backend": backend,
        "data_dir": folder,
        "duckdb_path": folder / "test.duckdb",
        "kafka_topic_partitions": 2,
        "loader_group_id": f"{kafka.kafka_topic_prefix}loader",
    }
    if url is not None:
        chosen["database_url"] = url
    return Settings(**kafka.model_dump(exclude_unset=True) | chosen)
