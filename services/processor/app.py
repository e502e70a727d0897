"""Builds the processor from the settings."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from services.processor.bar_agent import BarAgent, BarSource
from services.processor.derive import derivation
from services.processor.history import StoredHistory
from services.processor.models import find_models
from services.processor.news_agent import NewsAgent
from services.processor.progress import Handled
from services.processor.publish import Outlet
from services.processor.readiness import Readiness
from services.processor.rekey import Intake
from services.processor.sentiment import find_scorer
from services.processor.stream import Stream
from shared.database.base import Database, Reader
from shared.database.factory import create_database
from shared.datasets.cboe_vix_history import DATASET as CBOE
from shared.datasets.ml_predictions import DATASET as ML_PREDICTIONS
from shared.datasets.model_performance import DATASET as MODEL_PERFORMANCE
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.datasets.news_sentiment import DATASET as NEWS_SENTIMENT
from shared.datasets.technical_features import DATASET as TECHNICAL_FEATURES
from shared.datasets.yfinance_ohlcv import DATASET as YFINANCE
from shared.errors import ConfigError, Fatal
from shared.kafka import Cluster, Producer, TopicSpec, connect, declared_topics, ensure_topics, ping
from shared.metrics import watch_disk
from shared.monitoring import Check, monitoring
from shared.registry import discover
from shared.settings import Settings

OUTPUTS = tuple(
    dataset.name
    for dataset in (TECHNICAL_FEATURES, NEWS_SENTIMENT, ML_PREDICTIONS, MODEL_PERFORMANCE)
)
INPUTS = (YFINANCE, CBOE)
"""Datasets of bars."""

READ = (*INPUTS, NEWS_ARTICLES)
"""All datasets that are read."""

CBOE_PREFIX = "CBOE:"
"""Tells CBOE's index VIX from a share of that symbol."""

_VERSION = 1
"""Rises when state of older processors means something else: topics are then read anew."""


async def process_topics(settings: Settings, stop: asyncio.Event) -> None:
    """Process as a process of its own: connect, make what is missing, and run until `stop`.

    Raises Transient where broker or database are away at the start, ConfigError where a setting
    is wrong. With DuckDB, which belongs to the process that loads, old corrections wait.
    """
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, discover()))
    if settings.database_backend == "duckdb":
        await run_processor(settings, cluster, None, stop)
        return
    database = create_database(settings, application=settings.processor_group_id)
    await database.open()
    try:
        await run_processor(settings, cluster, database, stop)
    finally:
        await database.close()


async def run_processor(
    settings: Settings,
    cluster: Cluster,
    database: Database | None,
    stop: asyncio.Event,
    handled: Handled | None = None,
) -> None:
    """Run one worker until `stop`, beside its door for monitoring; what is given stays open.

    `handled` is told how far it is.
    """
    sources = [Intake(dataset, settings.kafka_topic_prefix) for dataset in INPUTS]
    partitions = await _ensure(settings, cluster, sources)
    outputs = _outputs(settings)
    stream = Stream(
        cluster,
        f"{settings.processor_group_id}-{settings.kafka_topic_prefix}v{_VERSION}-{partitions}",
        partitions,
        store=settings.processor_store,
        folder=_folder(settings, cluster),
        handled=handled or Handled(),
    )
    async with Producer(cluster) as producer, asyncio.TaskGroup() as group:
        outlet = Outlet(producer, settings.kafka_topic_prefix, outputs)
        agents = _agents(settings, cluster, database, stream, outlet, sources)
        if NEWS_SENTIMENT.name in outputs:
            news = Intake(NEWS_ARTICLES, settings.kafka_topic_prefix)
            stream.consume([news.topic], NewsAgent(news, outlet, find_scorer()).handle)
        checks: dict[str, Check] = {
            "processor": Readiness(stream, agents).check,
            "broker": partial(ping, cluster),
        }
        watch_disk("processor", settings.data_dir)
        async with monitoring(settings.metrics_port, checks):
            beside = [group.create_task(agent.recompute(stop)) for agent in agents]
            try:
                await stream.run(stop)
            finally:
                for task in beside:
                    task.cancel()


def _agents(
    settings: Settings,
    cluster: Cluster,
    database: Database | None,
    stream: Stream,
    outlet: Outlet,
    intakes: Iterable[Intake],
) -> list[BarAgent]:
    reader = Reader(cluster.cluster_id, settings.loader_group_id)
    # The embedded broker's topics are as young as its process: what was before is stored.
    seed_before = dt.datetime.now(dt.UTC) if cluster.embedded else None
    models = find_models()
    agents = []
    for intake in intakes:
        dataset = intake.dataset
        plain = dataset is YFINANCE
        source = BarSource(
            dataset.name,
            intake,
            derivation(outlet.outputs, models, has_volume=plain),
            "" if plain else CBOE_PREFIX,
        )
        history = StoredHistory(database, dataset, reader) if database is not None else None
        agent = BarAgent(source, stream, outlet, history, seed_before=seed_before)
        stream.consume([intake.topic, intake.rekeyed], agent.handle)
        agents.append(agent)
    return agents


async def _ensure(settings: Settings, cluster: Cluster, intakes: Iterable[Intake]) -> int:
    """Make the topics between the workers; return how many partitions each topic has."""
    counts = await ensure_topics(cluster, declared_topics(settings, INPUTS))
    await ensure_topics(cluster, declared_topics(settings, [NEWS_ARTICLES]))
    partitions = set(counts.values())
    if len(partitions) > 1:
        told = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        raise ConfigError(f"the processor's topics must have equally many partitions ({told})")
    count = partitions.pop()
    week = 7 * 24 * 3_600 * 1_000
    specs = [
        TopicSpec(intake.rekeyed, count, settings.kafka_replication_factor, week)
        for intake in intakes
    ]
    between = await ensure_topics(cluster, specs)
    if set(between.values()) != {count}:
        raise Fatal(
            f"the topics {', '.join(between)} have other partitions than those that they come "
            "from: stop the processors and delete them"
        )
    return count


def _folder(settings: Settings, cluster: Cluster) -> Path:
    """Return where Faust may write: state on disk belongs to one cluster."""
    folder = settings.data_dir / "processor"
    return folder / cluster.cluster_id if settings.processor_store == "rocksdb" else folder


def _outputs(settings: Settings) -> frozenset[str]:
    wanted = frozenset(settings.processor_outputs or OUTPUTS)
    if unknown := wanted - frozenset(OUTPUTS):
        raise ConfigError(
            f"PROCESSOR_OUTPUTS names {', '.join(sorted(unknown))}: the processor makes "
            f"{', '.join(OUTPUTS)}"
        )
    return wanted
