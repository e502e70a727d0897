"""The fetcher on a real broker: every record of the samples arrives, and is counted."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from services.fetcher.app import FetchOrder, run_fetcher
from services.fetcher.runs.report import FetchReport
from shared.errors import ConfigError
from shared.kafka import Cluster, TopicPartition, Watermarks, list_partitions
from shared.registry import discover
from shared.settings import Settings
from tests.waiting import until

SAMPLES = Path(__file__).parents[2] / "samples"


async def published(cluster: Cluster, prefix: str) -> Counter[str]:
    """Return how many records stand on the topic of each dataset."""
    topics = {dataset.topic(prefix): dataset.name for dataset in discover()}
    partitions = await list_partitions(cluster, topics)
    places = [TopicPartition(topic, n) for topic, count in partitions.items() for n in range(count)]
    async with Watermarks(cluster) as marks:
        ends = await marks.end_offsets(places)
    counts: Counter[str] = Counter()
    for place, end in ends.items():
        counts[topics[place.topic]] += end
    return +counts


async def replayed(settings: Settings) -> FetchReport:
    report = await run_fetcher(settings, FetchOrder(replay_dir=SAMPLES), asyncio.Event())
    assert report is not None
    return report


def planned(lines: list[EventDict]) -> bool:
    """Return whether a log says that the next refresh is planned."""
    return any(line["event"] == "refresh_planned" for line in lines)


async def test_every_record_of_the_samples_arrives(
    cluster: Cluster, kafka_settings: Settings
) -> None:
    report = await replayed(kafka_settings)
    counted: Counter[str] = Counter()
    for run in report.runs:
        counted += run.by_dataset
    assert report.exit_status == 0
    assert set(counted) >= {"fred_data", "fred_series", "yfinance_ohlcv", "cboe_vix_history"}
    assert await published(cluster, kafka_settings.kafka_topic_prefix) == counted + Counter(
        {"data_refresh_log": len(report.runs)}
    )


async def test_a_service_replays_its_archive_at_the_first_start_only(
    cluster: Cluster, kafka_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "watchlist.toml").write_text("[cboe]\nsymbols = []\n")
    settings = kafka_settings.model_copy(
        update={
            "watchlist": tmp_path / "watchlist.toml",
            "data_dir": tmp_path / "data",
            "fetch_replay_dir": SAMPLES,
            "fetch_sources": ("cboe",),
        }
    )
    counts = []
    for _ in range(2):
        stop = asyncio.Event()
        with capture_logs() as lines:
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                group.create_task(run_fetcher(settings, FetchOrder(), stop))
                await until(partial(planned, lines), 45)
                stop.set()
        counts.append((await published(cluster, settings.kafka_topic_prefix))["cboe_vix_history"])
    assert counts[0] == counts[1] > 0


async def test_wrong_configuration_is_told_before_the_broker_is_asked(tmp_path: Path) -> None:
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", watchlist=tmp_path / "w.toml")
    settings.watchlist.write_text("[fred]\nseries = ['GDP']\n")
    with pytest.raises(ConfigError, match="set FRED_API_KEY"):
        await run_fetcher(settings, FetchOrder(("fred",), once=True), asyncio.Event())
    with pytest.raises(ConfigError, match="no source is called x"):
        await run_fetcher(settings, FetchOrder(("x",)), asyncio.Event())
    with pytest.raises(ConfigError, match="is no archive"):
        await run_fetcher(settings, FetchOrder(replay_dir=tmp_path), asyncio.Event())
