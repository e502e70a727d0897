"""Settings for what runs a loader: a real broker, and each database in turn."""

from pathlib import Path

import pytest

from shared.settings import Settings


@pytest.fixture(params=["duckdb", "postgresql"])
def loader_settings(
    request: pytest.FixtureRequest, kafka_settings: Settings, tmp_path: Path
) -> Settings:
    """Settings that lead to real Kafka and to an empty database, each kind in turn."""
    chosen: dict[str, object] = {
        "database_backend": request.param,
        "data_dir": tmp_path,
        "duckdb_path": tmp_path / "test.duckdb",
        "kafka_topic_partitions": 2,
        "loader_group_id": f"{kafka_settings.kafka_topic_prefix}loader",
    }
    if request.param == "postgresql":
        chosen["database_url"] = request.getfixturevalue("postgres_url")
    return Settings(**kafka_settings.model_dump(exclude_unset=True) | chosen)
